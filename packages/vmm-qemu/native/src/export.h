#ifndef BOXLITE_EXPORT_H
#define BOXLITE_EXPORT_H

/** Answers calls in place of the library that has the function. */
#define EXPORT __attribute__((visibility("default")))

#endif
