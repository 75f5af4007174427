#!/usr/bin/env bash
# This machine as a SLURM cluster of one node, to try launch/slurm.sbatch: as root, on Debian.
#
#   launch/slurm_single_node.sh
#   PYTHON=.venv/bin/python sbatch --nodes=1 --ntasks-per-node=2 launch/slurm.sbatch \
#     --config=experiments/gan_digits.py --workdir=runs/slurm
#
# Installs slurm-wlm and munge, writes /etc/slurm/slurm.conf and starts the three daemons without
# systemd, as a container needs it. To stop them: scontrol shutdown; munged --stop
set -euo pipefail

conf=/etc/slurm/slurm.conf
if [ "$(id -u)" != 0 ]; then
  echo "must be run as root: it installs packages and starts daemons" >&2
  exit 2
fi
# Not over the configuration of a real cluster.
if [ -e "$conf" ] && ! grep -q "^ClusterName=single$" "$conf"; then
  echo "$conf is there already, and not of this script: remove it first" >&2
  exit 2
fi
if ! { command -v slurmctld && command -v slurmd && command -v munged; } >/dev/null; then
  apt-get update
  DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends slurm-wlm munge
fi

# The key that the daemons know each other by; the package makes one, an image may lack it.
if [ ! -s /etc/munge/munge.key ]; then
  install -d -o munge -g munge -m 700 /etc/munge
  dd if=/dev/urandom of=/etc/munge/munge.key bs=128 count=1 status=none
  chown munge:munge /etc/munge/munge.key
  chmod 400 /etc/munge/munge.key
fi
install -d -o munge -g munge -m 755 /run/munge
install -d -o slurm -g slurm -m 755 /var/spool/slurmctld /var/log/slurm
install -d -m 755 /var/spool/slurmd

# Without cgroups, which a container may not change: processes are followed by their parents.
cat >"$conf" <<CONF
ClusterName=single
SlurmctldHost=$(hostname -s)
SlurmUser=slurm
AuthType=auth/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
MailProg=/bin/true
StateSaveLocation=/var/spool/slurmctld
SlurmdSpoolDir=/var/spool/slurmd
SlurmctldPidFile=/run/slurmctld.pid
SlurmdPidFile=/run/slurmd.pid
SlurmctldLogFile=/var/log/slurm/slurmctld.log
SlurmdLogFile=/var/log/slurm/slurmd.log
$(slurmd -C | head -n 1) State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF

pgrep -x munged >/dev/null || runuser -u munge -- munged
pgrep -x slurmctld >/dev/null || slurmctld
pgrep -x slurmd >/dev/null || slurmd

for _ in $(seq 30); do
  if sinfo --noheader --format=%T 2>/dev/null | grep -qx idle; then
    sinfo
    exit 0
  fi
  sleep 1
done
echo "the node does not become idle within 30 s: see /var/log/slurm" >&2
exit 1
