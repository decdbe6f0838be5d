# make            build/pyroute and the pyroute-* links to it
# make install    PREFIX=/usr/local DESTDIR=
# make check      every test (root is needed; scripts/check.sh also sets a machine up for it)
# make check-sanitized    the whole-command tests of a program under sanitizers (root is needed; an hour);
#                 FILES="tests/e2e/host.bats" names what to run
# make faults     a failure at every system call of start, stop and connect; FAULTS="start stop"
#                 for some, JOBS=4 hosts at once (root is needed; an hour). check makes a sample
# make judge      what check and why say of every router of tests/routers (root is needed; minutes)
# make bench      how fast it is, against the least that the kernel allows: one table (root is needed;
#                 minutes, on an idle machine); BENCH="--sizes 2,100 --json" are its options
# make lint       compilers with -Werror, analysers, layers, shell scripts, format
# make fuzz       what reads other people's bytes under libFuzzer, each for SECONDS=120
# make rootfs     the clients' root filesystem, where it is not up to date (root's with sudo)
# make rootfs-export FILE=F.tar.zst     packs it, with F.tar.zst.sha256; FORCE=yes overwrites
# make rootfs-import FILE=F.tar.zst     brings it from there; SHA256=HEX in the place of the file
# make soak       1000 starts and stops, in both modes: nothing grows (root is needed; minutes)
# make new-machines                     the scripts on new Debian systems (root is needed; minutes)
# make crowd      CLIENTS=1000: a stage with so many, in both modes (root is needed)
# make other-machine                    the suite in a virtual machine with Debian's own kernel and
#                 systemd (root is needed; hours); FILES="tests/e2e/wires.bats" names what to run
# make format     apply the format that lint checks

PREFIX  ?= /usr/local
DESTDIR ?=
BUILD   ?= build
OBJCOPY ?= objcopy

VERSION  := 0.1.0
PACKAGES := libnl-3.0 libnl-route-3.0 libcap json-c
COMMANDS := stage-start stage-stop stage-list connect ps run check why doctor

WARNINGS := -Wall -Wextra -Wshadow -Wformat=2 -Wundef -Wvla -Wpointer-arith -Wcast-qual \
	-Wwrite-strings -Wstrict-prototypes -Wmissing-prototypes -Wredundant-decls \
	-Wswitch-enum -Wimplicit-fallthrough -Wnull-dereference -Wconversion -Wsign-conversion
HARDENING := -O2 -fPIE -fstack-protector-strong -fstack-clash-protection -D_FORTIFY_SOURCE=3
CFLAGS   ?= -g
ALL_CFLAGS = -std=gnu11 -D_GNU_SOURCE -Iinclude -I$(BUILD) -DPYROUTE_VERSION='"$(VERSION)"' \
	-DPYROUTE_CHECKOUT='"$(CURDIR)"' $(WARNINGS) $(HARDENING) \
	$(shell pkgconf --cflags $(PACKAGES)) $(CFLAGS) $(EXTRA_CFLAGS)
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(LDFLAGS)
# All but the C library go into the program: to find and link them took longer than most commands do.
# SHARED=yes leaves them outside, as a distribution may want it, or where their archives are missing.
LIBS     := $(shell pkgconf --libs $(PACKAGES)) -liniparser
ifneq ($(SHARED),yes)
LIBS     := -Wl,-Bstatic $(LIBS) -Wl,-Bdynamic
endif

SOURCES  := $(wildcard runtime/*.c)
OBJECTS  := $(SOURCES:runtime/%.c=$(BUILD)/%.o)
LINKS    := $(COMMANDS:%=$(BUILD)/pyroute-%)

# What is done is said in a word; make V=1 shows whole command lines, make -s nothing.
SILENT := $(findstring s,$(firstword -$(MAKEFLAGS)))
Q      := $(if $(V),,@)
SAY    := $(if $(V)$(SILENT),@:,@printf '  %-5s %s\n')

.PHONY: all install uninstall check check-sanitized sanitized unit test-programs faults fuzz judge lint format
.PHONY: bench bench-programs clean rootfs rootfs-export rootfs-import new-machines other-machine crowd soak
all: $(BUILD)/pyroute $(LINKS)

# A start copies the whole program: what debuggers want lies beside it, tables for unwinding
# the stack with that, and parts of libraries that nobody uses are left out.
$(BUILD)/pyroute: $(OBJECTS)
	$(SAY) LINK $@
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -Wl,--gc-sections -o $@.whole $^ $(LIBS)
	$(Q)$(OBJCOPY) --only-keep-debug $@.whole $@.debug
	$(Q)$(OBJCOPY) --strip-all --add-gnu-debuglink=$@.debug $@.whole $@
	$(Q)rm -f $@.whole

$(BUILD)/%.o: runtime/%.c Makefile | $(BUILD)
	$(SAY) CC $@
	$(Q)$(CC) $(ALL_CFLAGS) -fno-asynchronous-unwind-tables -MMD -MP -c -o $@ $<

# The seccomp programs are compiled here, once: a start need not.
$(BUILD)/compile-policy: runtime/policy/compile.c runtime/policy/filter_policy.h \
		$(addprefix $(BUILD)/,error.o text.o)
	$(SAY) LINK $@
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $(filter %.c %.o,$^) $(shell pkgconf --libs libseccomp)

$(BUILD)/filter_program.h: $(BUILD)/compile-policy
	$(Q)$< >$@.new && mv $@.new $@

$(BUILD)/filter.o $(BUILD)/unit/filter.o $(BUILD)/fuzz/filter.o: $(BUILD)/filter_program.h

# Programs that this one carries along, as bytes: they have no C library, and one page.
BARE := $(BUILD)/launch $(BUILD)/reap

$(BARE): $(BUILD)/%: runtime/bare/%.c $(wildcard runtime/bare/*.h) Makefile | $(BUILD)
	$(SAY) LINK $@
	$(Q)$(CC) -std=gnu11 $(WARNINGS) $(filter -W%,$(EXTRA_CFLAGS)) -Os -ffreestanding -fno-stack-protector \
		-fno-asynchronous-unwind-tables -fno-pie -static -nostdlib -s \
		-Wl,--build-id=none -Wl,-z,noseparate-code -o $@ $<

$(BARE:%=%_image.h): %_image.h: %
	$(Q){ echo 'static const unsigned char $(*F)_image[] = {'; od -A n -v -t x1 $< | \
		sed 's/ \(..\)/0x\1,/g'; echo '};'; } >$@.new && mv $@.new $@

$(BUILD)/launcher.o $(BUILD)/unit/launcher.o $(BUILD)/fuzz/launcher.o: $(BUILD)/launch_image.h
$(BUILD)/steward.o $(BUILD)/unit/steward.o $(BUILD)/fuzz/steward.o: $(BUILD)/reap_image.h

$(LINKS): $(BUILD)/pyroute
	$(Q)ln -sf pyroute $@

$(BUILD):
	$(Q)mkdir -p $@

-include $(OBJECTS:.o=.d)

# ---- unit tests: tests/unit/test_X.c is a program, linked with the modules but main.c ----------
UNIT_SOURCES := $(wildcard tests/unit/test_*.c)
UNIT_TESTS   := $(UNIT_SOURCES:tests/unit/%.c=$(BUILD)/unit/%)
UNIT_OBJECTS := $(patsubst runtime/%.c,$(BUILD)/unit/%.o,$(filter-out runtime/main.c,$(SOURCES)))
SANITIZE     := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=0 -fsanitize=address,undefined \
	-fno-sanitize-recover=all -fno-omit-frame-pointer

$(BUILD)/unit/%.o: runtime/%.c Makefile
	@mkdir -p $(@D)
	$(SAY) CC $@
	$(Q)$(CC) $(ALL_CFLAGS) $(SANITIZE) -Werror -MMD -MP -c -o $@ $<

$(BUILD)/unit/test_%: tests/unit/test_%.c $(UNIT_OBJECTS) $(wildcard tests/unit/*.h)
	$(SAY) TEST $@
	$(Q)$(CC) $(ALL_CFLAGS) $(SANITIZE) -Werror -pie -o $@ $< $(UNIT_OBJECTS) $(LIBS) -lcmocka -lpcap -lseccomp

-include $(UNIT_OBJECTS:.o=.d)

.SECONDARY: $(UNIT_OBJECTS)

# ---- what tests/user-groups.sh runs in a virtual machine ------------------------------------------
$(BUILD)/groups: tests/probes/groups.c $(addprefix $(BUILD)/,cgroup.o cgroup_place.o scope.o error.o file.o loader.o text.o)
	$(SAY) TEST $@
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^

# ---- what whole-command tests bring into a client, which may lack a library of its ----------------
$(BUILD)/calls: tests/probes/calls.c runtime/policy/filter_policy.h Makefile | $(BUILD)
	$(SAY) TEST $@
	$(Q)$(CC) $(ALL_CFLAGS) -Werror -static-pie -o $@ $< -lseccomp -pthread
# ---- the commands with a failure at each of their system calls: tests/faults.sh ------------------
# Static, since it also runs in the clients, whose root filesystem has none of its libraries.
INJECT_SOURCES := $(wildcard tests/faults/*.c)

$(BUILD)/inject: $(INJECT_SOURCES) $(wildcard tests/faults/*.h) include/util.h Makefile | $(BUILD)
	$(SAY) TEST $@
	$(Q)$(CC) $(filter-out -fPIE,$(ALL_CFLAGS)) -static -o $@ $(INJECT_SOURCES) -lseccomp

faults: all $(BUILD)/inject
	tests/faults.sh

# ---- how fast it is: tests/bench. The floors are static, so that no loader counts -----------------
FLOOR_SOURCES := $(addprefix tests/bench/,floor.c netlink.c check.c)
FULL_SOURCES  := $(wildcard tests/bench/full*.c) tests/bench/groups.c $(FLOOR_SOURCES) \
	$(addprefix runtime/,image.c error.c text.c)
BENCH_SOURCES := $(addprefix tests/bench/,bench.c command.c measure.c memory.c output.c output_json.c \
	netlink.c peers.c settle.c subject.c table.c world.c)
BENCH_HEADERS := $(wildcard tests/bench/*.h) include/util.h Makefile
BENCHES       := $(addprefix $(BUILD)/bench/,bench bare full enter policy)
STATIC         = $(filter-out -fPIE,$(ALL_CFLAGS)) -static

$(BUILD)/bench/bare: tests/bench/bare.c $(FLOOR_SOURCES) $(BENCH_HEADERS)
$(BUILD)/bench/full: $(FULL_SOURCES) $(BENCH_HEADERS)
$(BUILD)/bench/enter: tests/bench/enter.c Makefile
$(BUILD)/bench/bare $(BUILD)/bench/full $(BUILD)/bench/enter:
	@mkdir -p $(@D)
	$(SAY) BENCH $@
	$(Q)$(CC) $(STATIC) -o $@ $(filter %.c,$^)

$(BUILD)/bench/policy: tests/bench/policy.c $(addprefix $(BUILD)/,filter.o error.o text.o)
$(BUILD)/bench/bench: $(BENCH_SOURCES) $(BENCH_HEADERS)
$(BUILD)/bench/policy $(BUILD)/bench/bench:
	@mkdir -p $(@D)
	$(SAY) BENCH $@
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $(filter %.c %.o,$^) $(LIBS)

bench-programs: $(BENCHES)

bench: all bench-programs
	@$(BUILD)/bench/bench $(BENCH)

# Most of them wait most of the time, hence four at once, the one that waits longest first.
UNIT_FIRST := $(BUILD)/unit/test_process_init
UNIT_ORDER := $(UNIT_FIRST) $(filter-out $(UNIT_FIRST),$(UNIT_TESTS))

# Who calls make may ignore signals, as nohup(1) does; the tests send them to children of theirs.
unit: $(UNIT_TESTS)
	@printf '%s\n' $(UNIT_ORDER) | xargs -n 1 -P 4 env --default-signal

# ---- the program itself under ASan, UBSan and LSan, of the unit tests' objects -------------------
SANITIZED := $(BUILD)/sanitized

$(SANITIZED)/pyroute: tests/sanitizer.c $(UNIT_OBJECTS) $(BUILD)/unit/main.o
	@mkdir -p $(@D)
	$(SAY) LINK $@
	$(Q)$(CC) $(ALL_CFLAGS) $(SANITIZE) -Werror -pie -rdynamic -o $@ $^ $(LIBS)

$(COMMANDS:%=$(SANITIZED)/pyroute-%): $(SANITIZED)/pyroute
	$(Q)ln -sf pyroute $@

-include $(BUILD)/unit/main.d

$(SANITIZED)/calls: $(BUILD)/calls
	@mkdir -p $(@D)
	$(Q)cp $< $@

check-sanitized: sanitized
	TEST_LIMIT=600 FILE_LIMIT=1800 PYROUTE_TEST_SLOW=3 BUILD=$(SANITIZED) tests/run.sh $(FILES)

sanitized: $(COMMANDS:%=$(SANITIZED)/pyroute-%) $(SANITIZED)/calls

# Of these tests a part of the suite: every command but doctor, and what is refused, within a minute.
QUICK := commands errors run_key shell src stages

# ---- fuzzing: tests/fuzz/fuzz_X.c is a program too, of clang's; it takes of the modules what it uses
FUZZ_SOURCES  := $(wildcard tests/fuzz/fuzz_*.c)
FUZZERS       := $(FUZZ_SOURCES:tests/fuzz/%.c=$(BUILD)/fuzz/%)
FUZZ_OBJECTS  := $(patsubst runtime/%.c,$(BUILD)/fuzz/%.o,$(filter-out runtime/main.c,$(SOURCES)))
FUZZ_CFLAGS   = $(filter-out -O2 -fPIE -D_FORTIFY_SOURCE=3,$(ALL_CFLAGS)) -O1 -fno-omit-frame-pointer \
	-fsanitize=address,undefined -fno-sanitize-recover=all
SECONDS ?= 120

$(BUILD)/fuzz/%.o: runtime/%.c Makefile
	@mkdir -p $(@D)
	$(SAY) CC $@
	$(Q)clang $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link -MMD -MP -c -o $@ $<

$(BUILD)/fuzz/modules.a: $(FUZZ_OBJECTS)
	$(SAY) AR $@
	$(Q)rm -f $@ && ar rcs $@ $^

$(BUILD)/fuzz/fuzz_%: tests/fuzz/fuzz_%.c $(BUILD)/fuzz/modules.a
	$(SAY) FUZZ $@
	$(Q)clang $(FUZZ_CFLAGS) -fsanitize=fuzzer -MMD -MP -MF $@.d -o $@ $< $(BUILD)/fuzz/modules.a $(LIBS)

-include $(FUZZ_OBJECTS:.o=.d) $(FUZZERS:%=%.d)

fuzz: $(FUZZERS) $(UNIT_TESTS)
	@BUILD=$(BUILD) tests/fuzz.sh $(SECONDS)

# What check and why say of every router of tests/routers: some ten minutes; a part of it is in check.
judge: all
	@place=$$(mktemp -d) && mkdir "$$place/src" "$$place/stages" && \
		cp -r stages/stage1 tests/stages/* "$$place/stages" && chmod 755 "$$place" && \
		(cd "$$place" && PATH="$(abspath $(BUILD)):$$PATH" python3 "$(CURDIR)/tests/routers/judge.py"); \
		status=$$?; rm -rf -- "$$place"; exit $$status

test-programs: $(UNIT_TESTS) $(BUILD)/calls $(BUILD)/inject $(BENCHES)

# Seconds, and always the same choice: what check says is to depend on the code alone.
SAMPLE := 40
SEED   ?= 14617

# The fuzzers, which never wait, run beside the unit tests.
check: all sanitized test-programs $(FUZZERS)
	@status=0; BUILD=$(BUILD) tests/fuzz.sh 60 & fuzz=$$!; \
		$(MAKE) --no-print-directory unit || status=1; wait $$fuzz || status=1; \
		BUILD=$(SANITIZED) tests/run.sh $(QUICK:%=tests/e2e/%.bats) || status=1; \
		tests/run.sh || status=1; \
		SEED=$(SEED) tests/faults.sh --sample $(SAMPLE) || status=1; exit $$status

lint:
	scripts/lint.sh

# ---- the clients' root filesystem. FILE, FORCE and SHA256 reach the shells as variables -----------
rootfs:
	@rootfs/build.sh

rootfs-export:
	@rootfs/export.sh $${FORCE:+--force} "$$FILE"

rootfs-import:
	@rootfs/import.sh $${SHA256:+--sha256 "$$SHA256"} "$$FILE"

CLIENTS ?= 1000

crowd: all
	PYROUTE_TEST_CLIENTS=$(CLIENTS) tests/run.sh tests/e2e/faults_crowds.bats tests/e2e/crowds_answer.bats

new-machines:
	tests/new-machine.sh

soak: all
	tests/soak.sh

other-machine:
	tests/other-machine.sh $(FILES)

format:
	clang-format -i runtime/*.c runtime/*/*.[ch] include/*.h tests/*.c tests/*/*.[ch]

clean:
	rm -rf $(BUILD)

install: all
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 755 $(BUILD)/pyroute $(DESTDIR)$(PREFIX)/bin/pyroute
	install -d $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 644 runtime/pyroute.1 $(DESTDIR)$(PREFIX)/share/man/man1/pyroute.1
	for c in $(COMMANDS); do \
		ln -sf pyroute $(DESTDIR)$(PREFIX)/bin/pyroute-$$c; \
		ln -sf pyroute.1 $(DESTDIR)$(PREFIX)/share/man/man1/pyroute-$$c.1; \
	done

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/pyroute $(COMMANDS:%=$(DESTDIR)$(PREFIX)/bin/pyroute-%)
	rm -f $(DESTDIR)$(PREFIX)/share/man/man1/pyroute.1 \
		$(COMMANDS:%=$(DESTDIR)$(PREFIX)/share/man/man1/pyroute-%.1)
