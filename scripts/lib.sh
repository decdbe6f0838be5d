# shellcheck shell=bash
# What the shell scripts of this project share. Sourced, never run.

# shellcheck disable=SC2034 # for those who source this
checkout=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '%s\n' "$*"; }

# Ends the script with one line on stderr: what failed, where, and the remedy.
die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

need_root() {
	((EUID == 0)) || die "needs root: sudo $0"
}

# Prints those of the named packages that are not installed.
missing_packages() {
	local package
	for package; do
		[[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
			say "$package"
	done
}

# Runs apt-get, which is heard only when it fails: then with its first complaint.
apt() {
	local output

	output=$(DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@" \
		</dev/null 2>&1) ||
		die "apt-get $1 failed: $(grep -m 1 '^E: ' <<<"$output" || tail -n 1 <<<"$output")"
}

# Installs those of the named packages that are missing, and only then asks the mirror anything.
install_packages() {
	local missing

	mapfile -t missing < <(missing_packages "$@")
	((${#missing[@]})) || return 0
	say "Installing packages: ${missing[*]}"
	apt update
	apt install -y --no-install-recommends "${missing[@]}"
}

# Debian's mirrors as this machine's own apt knows them, for SUITE, as lines of a sources.list.
# None where apt knows no Debian (Ubuntu): mmdebstrap then takes the mirrors that it knows itself.
mirrors() {
	local suite=$1 uri release

	# shellcheck disable=SC2016 # apt-get's variables, not the shell's
	apt-get indextargets --format '$(REPO_URI) $(RELEASE)' \
		'Created-By: Packages' 'Origin: Debian' 'Component: main' |
		while read -r uri release; do
			case $release in
			*-updates | *-security) say "deb $uri $suite-${release##*-} main" ;;
			*-*) ;; # backports, proposed updates
			*) say "deb $uri $suite main" ;;
			esac
		done | sort -u
}

# How this machine's apt goes about fetching: proxies, checks of dates, retries.
apt_options() {
	apt-config dump | grep -E '^Acquire::(https?|ForceIPv[46]|Check-|Retries|Max-)' || true
}
