/*
 * What is told of a crash: one line on stderr with signal, address and thread, and a wait status that shows the signal. A panic of libkrun in any of its
 * threads ends the process like an abort.
 */
#ifndef CRASH_H
#define CRASH_H

/* Installs the handlers. */
void crash_watch(void);

#endif
