#!/bin/sh
# What the servers are told, made once with the image: starting them is quick then.
set -eu
mkdir -p /srv/node/d1 /srv/ssh /var/cache/swift /run/sshd /root/.ssh
chmod 700 /root/.ssh
mkdir -p /etc/swift
cd /etc/swift
cat >swift.conf <<EOF
[swift-hash]
swift_hash_path_suffix = tests
swift_hash_path_prefix = tests
[storage-policy:0]
name = only
default = yes
EOF
for pair in object:6200 container:6201 account:6202; do
    name=${pair%:*} port=${pair#*:}
    {
        swift-ring-builder "$name.builder" create 4 1 0
        swift-ring-builder "$name.builder" add "r1z1-127.0.0.1:$port/d1" 1
        swift-ring-builder "$name.builder" rebalance
    } >/dev/null
    cat >"$name-server.conf" <<EOF
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = $port
workers = 0
user = root
mount_check = false
devices = /srv/node
[pipeline:main]
pipeline = $name-server
[app:$name-server]
use = egg:swift#$name
EOF
done
{
    cat <<EOF
[DEFAULT]
bind_ip = 0.0.0.0
bind_port = 8080
workers = 0
user = root
[pipeline:main]
pipeline = catch_errors healthcheck cache s3api tempauth copy slo dlo versioned_writes symlink proxy-server
[app:proxy-server]
use = egg:swift#proxy
allow_account_management = true
account_autocreate = true
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
user_test_reader = reading
[filter:s3api]
use = egg:swift#s3api
s3_acl = false
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:11211
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_versioned_writes = true
allow_object_versioning = true
EOF
    for name in catch_errors healthcheck copy slo dlo symlink; do
        printf '[filter:%s]\nuse = egg:swift#%s\n' "$name" "$name"
    done
} >proxy-server.conf
