#!/usr/bin/env bash
# A slice of a TPU pod, from your own machine: creates it, sets it up, trains, and after a
# preemption does all of it again.
#
#   NAME=jaxgan ZONE=us-west4-a TYPE=v5litepod-16 VERSION=v2-alpha-tpuv5-lite NFS=10.0.0.2:/runs \
#     launch/tpu_pod.sh --config=experiments/r3gan_ffhq256.py --workdir=/runs/r3gan_ffhq256 \
#     --config.data.data_dir=/runs/ffhq256 --config.accumulate=4
#
# From the root of a clone, with gcloud logged in and a project set. NFS is a disk that all hosts
# see, such as Filestore, mounted at /runs; a bucket is none, see launch/README.md. Spot hosts,
# unless TIER=--reserved or TIER= says otherwise. The hosts find each other: no variable is needed.
#
# Google develops the Cloud TPU API, which this uses, no further: TPU7x and later want GKE, as in
# launch/jobset.yaml.
set -euo pipefail

: "${NAME:?the name of the slice}" "${ZONE:?such as us-west4-a}" "${TYPE:?such as v5litepod-16}"
: "${VERSION:?the software of the hosts, such as v2-alpha-tpuv5-lite}" "${NFS:?SERVER:/PATH}"
tier=${TIER---spot}
poll=${POLL:-60} # seconds

tpu() { gcloud compute tpus "$@" --zone="$ZONE"; }
state() { tpu queued-resources describe "$NAME" --format='value(state.state)' 2>/dev/null || true; }
everywhere() { tpu tpu-vm ssh "$NAME" --worker=all --command="$1"; }

# Waits until the slice is there. A request whose hosts were taken away is never filled again: it
# makes room for a new one.
obtain() {
  while :; do
    case "$(state)" in
      ACTIVE) return ;;
      '') tpu queued-resources create "$NAME" --node-id="$NAME" --accelerator-type="$TYPE" \
        --runtime-version="$VERSION" ${tier:+"$tier"} ;;
      SUSPENDED | FAILED) tpu queued-resources delete "$NAME" --force --quiet ;;
    esac
    sleep "$poll"
  done
}

# The clone as it is committed, Python 3.11, which the hosts' own software lacks, and the disk.
set_up() {
  local archive
  archive=$(mktemp -d)/jaxgan.tar.gz
  git archive --format=tar.gz --output="$archive" HEAD
  tpu tpu-vm scp "$archive" "$NAME:" --worker=all
  everywhere "set -e; mkdir -p jaxgan; tar -xzf jaxgan.tar.gz -C jaxgan; cd jaxgan
    curl -LsSf https://astral.sh/uv/install.sh | sh
    [ -d .venv ] || ~/.local/bin/uv venv --python 3.11
    ~/.local/bin/uv pip install . 'jax[tpu]'
    sudo apt-get update -q; sudo apt-get install -qy nfs-common; sudo mkdir -p /runs
    mountpoint -q /runs || sudo mount -t nfs '$NFS' /runs"
}

# Its exit code is that of the first host that failed. A process that an earlier connection left
# behind holds the chips, so it is ended first.
train() {
  everywhere "cd jaxgan; [ ! -f ../pid ] || kill -KILL \$(cat ../pid) 2>/dev/null
    echo \$\$ >../pid; exec .venv/bin/python -m jaxgan.main $1"
}

arguments=$(printf '%q ' "$@")
failures=0
while :; do
  obtain
  if set_up; then
    code=0
    train "$arguments" || code=$?
    case "$code" in
      # Finished, a mistake in the arguments, and numbers that are none: trying again will not help.
      0 | 2 | 3) break ;;
    esac
  else
    code=$?
  fi
  # What fails on hosts that are still there is no preemption, unless it was saved: 75.
  if [ "$code" != 75 ] && [ "$(state)" = ACTIVE ] && ((++failures > 3)); then break; fi
  echo "${0##*/}: ended with $code; going on" >&2
  sleep "$poll"
done
# A slice costs while it is there.
tpu queued-resources delete "$NAME" --force --quiet
exit "$code"
