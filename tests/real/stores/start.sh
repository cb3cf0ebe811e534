#!/bin/sh
# The servers: S3 at port 8080 (keys test:tester and testing, path-style), SSH at port 22.
set -eu
ssh-keygen -q -A
mkdir -p /run/sshd
/usr/sbin/sshd
memcached -u nobody -l 127.0.0.1 &
for name in object container account proxy; do
    "swift-$name-server" "/etc/swift/$name-server.conf" >"/var/log/swift-$name.log" 2>&1 &
done
wait
