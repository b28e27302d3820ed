/* Finds in what was written last that somebody panicked: the guest's kernel on its console, or a VMM written in Rust on its stderr. */
#ifndef PANIC_H
#define PANIC_H

#include <stddef.h>
#include <stdint.h>

/* Bytes somewhere else; none when `size` is 0. */
struct text {
	const uint8_t *bytes;
	size_t size;
};

/* The line of the last kernel panic. */
struct text kernel_panic(const uint8_t *console, size_t size);
/* The first report of a Rust panic, two lines long since Rust 1.73: `thread 'x' panicked at file:line:column:` and the message. */
struct text vmm_panic(const uint8_t *errors, size_t size);

#endif
