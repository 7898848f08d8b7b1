# The first process of the private internet: makes the namespace what it is, and holds it until it is stopped.
set -eu
network=$1

# Every IPv4 address is this machine's; there is no other interface.
ip link set lo up
ip route add local 0.0.0.0/0 dev lo

for file in resolv.conf hosts nsswitch.conf; do
  if [ -e "/etc/$file" ]; then mount --bind "$network/$file" "/etc/$file"; fi
done

touch "$network/up"
exec sleep infinity
