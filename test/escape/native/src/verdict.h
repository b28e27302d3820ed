#ifndef BOXLITE_ESCAPE_VERDICT_H
#define BOXLITE_ESCAPE_VERDICT_H

/* Names the attempt this process is, for the verdict it ends with. */
void verdict_of(const char *name);

/* Writes one line of verdict: "@ name verdict detail". */
void tell(const char *name, const char *verdict, const char *detail);

#endif
