# The user of every box, and what the user's shells and sudo know. A box maps `dev` to the owner
# of its workspace at start; the ids here are placeholders.
set -eu
useradd --create-home --home-dir /home/dev --shell /bin/bash --uid 1000 --user-group dev
mkdir -p /workspace /cache /run/sshd
chown dev:dev /workspace /cache

# In a box the user installs what the work needs; proxies and certificates stay in force.
cat >/etc/sudoers.d/devbox <<'CONF'
Defaults env_keep += "http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY"
Defaults env_keep += "SSL_CERT_FILE REQUESTS_CA_BUNDLE CURL_CA_BUNDLE GIT_SSL_CAINFO PIP_CERT"
Defaults env_keep += "PIP_CONFIG_FILE UV_CONFIG_FILE"
dev ALL=(ALL:ALL) NOPASSWD: ALL
CONF
chmod 0440 /etc/sudoers.d/devbox

# What this machine needs to reach the network and must not be in the container's environment.
echo '[ ! -r /run/devbox/env ] || . /run/devbox/env' >/etc/profile.d/devbox-network.sh
