#!/bin/bash
# peer_docker.sh N | probe: N containers, each on a network of its own, by `docker compose`. Says "up", and
# takes them down at the end of its standard input. The image, PYROUTE_BENCH_IMAGE=debian, must be
# there: nothing is fetched.
set -eu
image=${PYROUTE_BENCH_IMAGE:-debian}

lacks() {
	echo "$1"
	exit 1
}

if [[ $1 == probe ]]; then
	[[ $(type -P docker) ]] || lacks "Docker is not installed"
	timeout 20 docker info >/dev/null 2>&1 || lacks "Docker's engine does not run"
	docker compose version >/dev/null 2>&1 || lacks "docker compose is not installed"
	docker image inspect "$image" >/dev/null 2>&1 || lacks "Docker has no image $image"
	exit 0
fi
count=$1
folder=$(mktemp -d)

compose() {
	docker compose --project-name pyroute-bench --file "$folder/compose.yaml" "$@" >&2
}

down() {
	compose down --timeout 0
	rm -r -- "$folder"
}

# 172.31.0.0/16 in nets of eight addresses: Docker's own choice has room for some thirty networks.
{
	echo "services:"
	for ((i = 1; i <= count; i++)); do
		printf '  client%d: {image: %s, command: sleep infinity, pull_policy: never, networks: [net%d]}\n' \
			"$i" "$image" "$i"
	done
	echo "networks:"
	for ((i = 1; i <= count; i++)); do
		printf '  net%d: {ipam: {config: [{subnet: 172.31.%d.%d/29}]}}\n' \
			"$i" $((i / 32)) $((i % 32 * 8))
	done
} >"$folder/compose.yaml"
trap down EXIT
compose up --detach
echo up
cat >/dev/null
