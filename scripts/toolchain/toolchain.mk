# The compilers of the native programs. Included by packages/*/native/Makefile, whose directory is the working directory.
#
#   make               for this machine, to build/
#   make ARCH=arm64    for arm64 on x86-64, to build-arm64/, with Debian's cross compilers and the sysroot that
#                      `node scripts/toolchain/arm64-sysroot.mjs` puts into .cache/
#
# STATIC_CC makes programs that need nothing but a kernel: musl on both, because the programs' list of allowed system calls (supervisor) and
# their size were measured with it; glibc's static programs are nine times as large and call others. DYNAMIC_CC and DYNAMIC_CXX are for what
# loads libkrun, and use the distribution's glibc.
MACHINE := $(patsubst aarch64,arm64,$(patsubst x86_64,x64,$(shell uname -m)))
ARCH ?= $(MACHINE)
REPOSITORY := $(abspath ../../..)

# Of either architecture as it was tested: plain char is unsigned on arm64.
CHARS := -fsigned-char

ifeq ($(ARCH),$(MACHINE))
BUILD ?= build
STATIC_CC := musl-gcc
DYNAMIC_CC := gcc
DYNAMIC_CXX := g++
# musl has no kernel headers of its own: the host's come last in the search, so that musl wins where both define something.
KERNEL_HEADERS := -idirafter /usr/include -idirafter /usr/include/$(shell gcc -print-multiarch)
NANOPB_LIB ?= $(shell gcc -print-file-name=libprotobuf-nanopb.a)
# Where nanopb's headers are since Debian 13; before, they were in /usr/include itself.
NANOPB_HEADERS := -idirafter /usr/include/nanopb
else ifeq ($(ARCH),arm64)
BUILD ?= build-arm64
SYSROOT ?= $(REPOSITORY)/.cache/arm64-sysroot
ifeq ($(wildcard $(SYSROOT)/musl-gcc.specs),)
$(error no sysroot for arm64: run node scripts/toolchain/arm64-sysroot.mjs)
endif
# Read by the specs file.
export BOXLITE_ARM64_SYSROOT := $(SYSROOT)
DYNAMIC_CC := aarch64-linux-gnu-gcc
DYNAMIC_CXX := aarch64-linux-gnu-g++
STATIC_CC := $(DYNAMIC_CC) -specs $(SYSROOT)/musl-gcc.specs
KERNEL_HEADERS := -idirafter $(SYSROOT)/usr/include -idirafter /usr/aarch64-linux-gnu/include
NANOPB_LIB ?= $(SYSROOT)/usr/lib/aarch64-linux-gnu/libprotobuf-nanopb.a
NANOPB_HEADERS := -idirafter $(SYSROOT)/usr/include/nanopb
else
$(error this machine ($(MACHINE)) can build for itself and, where it is x64, for arm64; not for $(ARCH))
endif
