#ifndef BOXLITE_GIVE_UP_H
#define BOXLITE_GIVE_UP_H

/* What a hand-over that did not happen ends with; the jailer's src/hand-over.ts holds the same number. */
enum { EXIT_NOT_HANDED_OVER = 120 };

/* Prints "boxlite-hand-over: <step>: <what>: <error>" and ends the process. error 0: none is printed. */
_Noreturn void give_up(const char *step, const char *what, int error);

#endif
