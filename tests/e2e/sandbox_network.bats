#!/usr/bin/env bats
# The network settings of a client: none comes from the computer. What else is in a client:
# sandbox_files.bats, sandbox_rights.bats.

load helpers

# two_make: the stage two, with both families; client2 forwards.
two_make() {
	stage_make two <<-'END'
		[stage]
		title      = Two, the second of which forwards
		[net1]
		subnet     = 10.0.1.0/24, fd00:1::/64
		[client1]
		net1       = 10.0.1.1, fd00:1::1
		[client2]
		net1       = 10.0.1.2, fd00:1::2
		forwarding = yes
	END
}

# What a client of a stage with IPv6 has, as lines "FILE VALUE"; FORWARDING is 0 or 1. "all" takes
# the one change along that its kernel knows to make: of forwarding in IPv6 the interfaces follow.
wanted() {
	local forwarding=$1 redirects=$((1 - $1)) scope setting
	{
		printf '%s\n' "ipv4/ip_forward $forwarding" "ipv4/ip_default_ttl 64" \
			"ipv4/icmp_echo_ignore_all 0" "ipv4/icmp_echo_ignore_broadcasts 1" \
			"ipv6/bindv6only 0" "ipv6/icmp/echo_ignore_all 0" \
			"ipv6/icmp/echo_ignore_multicast 0" "ipv6/icmp/echo_ignore_anycast 0"
		for scope in all default eth0; do
			for setting in "forwarding $forwarding" "accept_redirects $redirects" \
				"rp_filter 0" "secure_redirects 1" "send_redirects 1" "route_localnet 0" \
				"accept_source_route 0" "arp_ignore 0" "arp_announce 0" "arp_filter 0" \
				"proxy_arp 0" "arp_notify 0" "arp_accept 0" "drop_gratuitous_arp 0" \
				"accept_local 0" "bc_forwarding 0" "shared_media 1" "src_valid_mark 0" \
				"medium_id 0" "tag 0" "bootp_relay 0" "log_martians 0" "proxy_arp_pvlan 0" \
				"force_igmp_version 0" "igmpv2_unsolicited_report_interval 10000" \
				"igmpv3_unsolicited_report_interval 1000" \
				"ignore_routes_with_linkdown 0" "drop_unicast_in_l2_multicast 0" \
				"promote_secondaries 0" "arp_evict_nocarrier 1" "disable_policy 0" \
				"disable_xfrm 0"; do
				# The last three are not of every kernel.
				[[ ! -e /proc/sys/net/ipv4/conf/all/${setting% *} ]] ||
					echo "ipv4/conf/$scope/$setting"
			done
			for setting in "forwarding $forwarding" "accept_redirects $redirects" \
				"disable_ipv6 0" "accept_ra 0" "autoconf 0" "router_solicitations 0" \
				"accept_dad 0" "dad_transmits 0" "accept_source_route 0" "addr_gen_mode 0" \
				"use_tempaddr 0" "hop_limit 64" "ndisc_notify 0" "proxy_ndp 0" \
				"force_mld_version 0" "keep_addr_on_down 0"; do
				echo "ipv6/conf/$scope/$setting"
			done
		done
	} | LC_ALL=C sort
}

# found CLIENT FILE: the same settings as in FILE, with the values that they have in CLIENT.
found() {
	cut -d ' ' -f 1 "$2" >src/names
	connect "$1" -- sh -c 'cd /proc/sys/net && xargs grep -H "" <"/~/src/names"' | sed 's/:/ /'
}

# Gives every setting of a network namespace that can be so another value, run in it.
make_contrary() {
	"$PYTHON" - <<-'END'
		import glob
		others = {"0": "1", "1": "0", "2": "1", "64": "9", "10000": "20000", "1000": "2000"}
		for path in sorted(glob.glob("/proc/sys/net/ipv[46]/*") + glob.glob("/proc/sys/net/ipv6/icmp/*")
		                   + glob.glob("/proc/sys/net/ipv[46]/conf/*/*")):
		    if "conf/lo/" in path:
		        continue
		    try:
		        with open(path) as file:
		            value = others[file.read().strip()]
		        # Of the first three "all" is copied to the others; the rest a client is to have off.
		        if path.endswith(("forward", "/forwarding", "/disable_ipv6", "/accept_ra",
		                          "/autoconf", "/accept_dad", "/dad_transmits")):
		            value = "1"
		        with open(path, "w") as file:
		            file.write(value)
		    except (OSError, KeyError, UnicodeDecodeError):
		        pass
	END
}

# The processes of a start that a tracer has stopped, each once: their pids, as this host sees them.
# (Whether one waits its state does not tell: the tracer stops it for a moment at every call.)
stopped() {
	sed -nE 's/^([0-9]+) .*stopped by SIGSTOP.*/\1/p' "$CHECKOUT/trace" | sort -u
}

# start_contrary STAGE: starts it in network namespaces that were born with every setting contrary: to
# a new one the kernel gives the settings of the machine's first, which are not ours to change. So
# each process of the start is stopped at its first prctl(2): the keeper then has its new namespace
# and has not looked at it, and a client has its own and not settled it.
start_contrary() {
	local pid ns known seen=" "
	known=$(readlink /proc/self/ns/net)
	background_start "$OUT.start" "${CALLER[@]}" timeout --foreground $((60 * SLOWNESS)) strace -D -f -q \
		-o "$CHECKOUT/trace" -e trace=prctl -e inject=prctl:signal=STOP:when=1 pyroute start "$1"
	while ! grep -q '^two is up' "$OUT.start"; do
		sleep 0.05
		for pid in $(stopped); do
			[[ $seen != *" $pid "* ]] || continue
			seen+="$pid "
			ns=$(readlink "/proc/$pid/ns/net")
			if [[ $known != *"$ns"* ]]; then
				known+=" $ns"
				nsenter --target="$pid" --net bash -c \
					"$(declare -p PYTHON); $(declare -f make_contrary); make_contrary"
				# They are contrary now.
				nsenter --target="$pid" --net sh -c 'cd /proc/sys/net && cat ipv4/ip_forward \
					ipv4/conf/default/promote_secondaries ipv6/conf/default/hop_limit' |
					xargs >>"$OUT.contrary"
			fi
			kill -CONT "$pid"
		done
	done
	cat "$OUT.contrary"
	[[ $(sort -u "$OUT.contrary") == "1 1 9" && $(wc -l <"$OUT.contrary") -ge 3 ]]
}

# red: settings.c, a line of ipv4_interface ("proxy_arp", "promote_secondaries") or ipv6_interface ("accept_ra") left out
# red: settings.c, groups without "all"
@test "every setting has the value that a host's is by itself, or a router's, whatever it was before" {
	two_make
	[[ $MODE == host ]] || checkout_give
	start_contrary two
	wanted 0 >"$OUT.wanted"
	found client1 "$OUT.wanted" | diff "$OUT.wanted" -
	wanted 1 >"$OUT.wanted"
	found client2 "$OUT.wanted" | diff "$OUT.wanted" -
	connect client1 -- ping -c 1 -W 5 client2
	stage_stop # and with it the tracer
}

# red: a line left out of wanted() above, which the first test holds settings.c to
@test "of the settings that a new network copies from the computer's none is left as it is" {
	two_make
	stage_start two
	# Of IPv4's interfaces all, when nothing else is set (Documentation/admin-guide/sysctl/net.rst,
	# devconf_inherit_init_net). The one that nobody can write is a multicast router's own.
	connect client1 -- ls /proc/sys/net/ipv4/conf/default | LC_ALL=C sort >"$OUT"
	{
		wanted 0 | sed -n 's|^ipv4/conf/default/\([^ ]*\) .*|\1|p'
		echo mc_forwarding
	} | LC_ALL=C sort | comm -13 - "$OUT" >"$OUT.copied"
	diff "$OUT.copied" /dev/null
	[[ $(wc -l <"$OUT") -gt 25 ]]
}
