#!/usr/bin/env bash
# One machine, several processes: launch/local.sh N --config=... --workdir=...
#
# Starts `python -m jaxgan.main` N times, with the three variables that jaxgan joins by. PYTHON
# names another interpreter. Of a machine with GPUs each process takes one, unless
# JAX_LOCAL_DEVICE_IDS says otherwise.
#
# SIGTERM, SIGINT and SIGHUP reach all of them as SIGTERM: they save once, and all end with 75. The
# first that fails ends the others, at the latest after GRACE seconds (10), and its exit code is the
# script's. Needs bash 4.4.
set -uo pipefail
# Each process in a group of its own: Ctrl-C is then the script's alone to pass on.
set -m

count=${1:-}
if ! [[ $count =~ ^[1-9][0-9]*$ ]]; then
  echo "usage: ${0##*/} PROCESSES ARGUMENTS of jaxgan.main, such as --config=FILE --workdir=DIR" >&2
  exit 2
fi
shift

# Below the ports that the system hands out itself; it is free if nobody answers there.
free_port() {
  local port=$((20000 + RANDOM % 10000))
  while (exec 3<>"/dev/tcp/localhost/$port") 2>/dev/null; do port=$((port + 1)); done
  echo "$port"
}

export JAX_NUM_PROCESSES=$count
JAX_COORDINATOR_ADDRESS=localhost:$(free_port)
export JAX_COORDINATOR_ADDRESS

pids=()
send() { # SIGNAL, to those that are still there
  local pid
  for pid in "${pids[@]}"; do kill "-$1" "$pid" 2>/dev/null; done
}
end() { # PROCESS..., with all that it has started
  local pid
  for pid; do kill -KILL -- "-$pid" 2>/dev/null; done
}
trap 'send TERM' TERM INT HUP

for ((id = 0; id < count; id++)); do
  JAX_PROCESS_ID=$id JAX_LOCAL_DEVICE_IDS=${JAX_LOCAL_DEVICE_IDS-$id} \
    "${PYTHON:-python}" -m jaxgan.main "$@" </dev/null &
  pids+=($!)
done

groups=("${pids[@]}") first=0
# Looked at in turn: `wait -n` misses one that ends beside another.
while ((${#pids[@]} > 0)); do
  sleep 0.2
  for id in "${!pids[@]}"; do
    if kill -0 "${pids[id]}" 2>/dev/null; then continue; fi
    wait "${pids[id]}"
    code=$?
    unset "pids[id]"
    if ((code == 0 || first != 0)); then continue; fi
    first=$code
    # Those that have saved after a signal end together, by themselves.
    if ((${#pids[@]} > 0 && code != 75)); then
      echo "${0##*/}: process $id ended with $code; ending the other ${#pids[@]}" >&2
      send TERM
      # One that hangs in a wait for the dead one does not heed it.
      (sleep "${GRACE:-10}" && end "${pids[@]}") &
      killer=$!
      disown "$killer" # whose own end is no news
    fi
  done
done
if [ -n "${killer:-}" ]; then
  kill -TERM -- "-$killer" 2>/dev/null
  # A dead one could not end what it had started.
  end "${groups[@]}"
fi
exit "$first"
