import * as z from 'zod';
import { parseOptions } from '../options/parse-options.js';

const text = z.string().refine((value) => !value.includes('\0'), 'must not contain NUL');
const size = z.number().int().min(1).max(65_535);

const execOptionsSchema = z.strictObject({
  env: z.record(z.string().regex(/^[^=\0]+$/, 'must be a name without "="'), text).default({}),
  cwd: text.refine((path) => path.startsWith('/'), 'must be an absolute path').optional(),
  user: text.max(256).optional(),
  tty: z.union([z.literal(false), z.strictObject({ rows: size, columns: size })]).default(false),
  stdin: z.boolean().default(true),
  timeoutMs: z.number().int().min(0).max(2_147_483_647).default(0),
  main: z.boolean().default(false),
});

/**
 * How a command runs. Every field is optional.
 * - `env`: added to the environment of the box, whose variables of the same names it replaces
 * - `cwd`: absolute directory in the container; default: that of the box, else of its image
 * - `user`: `name`, `uid`, `name:group` or `uid:gid`; default: that of the box, else of its image
 * - `tty`: a terminal of this many `rows` and `columns` (1 to 65 535); stdout and stderr then come merged on stdout. Default: none
 * - `stdin`: false gives the command an empty input (default true: it stays open until `stdin.end()`)
 * - `timeoutMs`: milliseconds until the command gets SIGTERM and, two seconds later, SIGKILL; 0, the default, for no limit
 * - `main`: the box stops when this command ends (default false)
 */
export type ExecOptions = z.input<typeof execOptionsSchema>;
export type ResolvedExecOptions = z.output<typeof execOptionsSchema>;

const commandSchema = z.strictObject({
  command: text.refine((command) => command !== '', 'must not be empty'),
  args: z.array(text),
});

/** The words of a command line. @throws BoxliteError `invalid_argument` (field `command` or `args.<i>`) */
export function parseCommand(command: string, args: readonly string[]): readonly [string, ...string[]] {
  const parsed = parseOptions(commandSchema, { command, args }, 'exec');
  return [parsed.command, ...parsed.args];
}

/** @throws BoxliteError `invalid_argument` naming the field */
export function parseExecOptions(options: unknown): ResolvedExecOptions {
  return parseOptions(execOptionsSchema, options, 'exec options');
}
