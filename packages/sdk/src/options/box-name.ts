import * as z from 'zod';

/** docker's grammar for names, and at most 128 characters. */
export const boxName = z
  .string()
  .max(128)
  .regex(
    /^[a-zA-Z0-9][a-zA-Z0-9._-]*$/,
    'must start with a letter or digit and hold only letters, digits, ".", "_", "-"',
  );
