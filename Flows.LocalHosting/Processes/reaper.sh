# Ends what the application started when the application is no longer there to do it.
# Standard input is a pipe that only the application holds. It tells what runs:
#   watch <pid> <signal>   a process group, and the signal that asks it to end
#   forget <pid>           it has ended
#   remove <path>          a folder that goes with the application
# End of input means that the application has ended, in whatever way, kill -9 included.
trap '' HUP INT QUIT TERM
exec >/dev/null 2>&1
cd /
owner=$1
groups=
folder=

while read -r verb first second; do
  case $verb in
    watch) groups="$groups $first:$second" ;;
    forget)
      kept=
      for group in $groups; do
        [ "${group%%:*}" = "$first" ] || kept="$kept $group"
      done
      groups=$kept ;;
    remove) folder="$first${second:+ $second}" ;;
  esac
done

any_alive() {
  for group in $groups; do
    kill -0 "-${group%%:*}" && return 0
  done
  return 1
}

for group in $groups; do
  kill "-${group##*:}" "-${group%%:*}"
done
tries=0
while any_alive && [ "$tries" -lt 50 ]; do
  sleep 0.1
  tries=$((tries + 1))
done
for group in $groups; do
  kill -9 "-${group%%:*}"
done

# A process that moved to a session of its own still carries the mark of this application in its environment.
if [ -d /proc/self ]; then
  for file in $(grep -lF "FLOWS_APPHOST_MARK=$owner" /proc/[0-9]*/environ); do
    pid=${file#/proc/}
    kill -9 "${pid%/environ}"
  done
fi

case $folder in
  */flows-apphost-*) rm -rf -- "$folder" ;;
esac
