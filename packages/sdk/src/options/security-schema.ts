import * as z from 'zod';
import { wholeNumber } from './whole-number.js';

/** The names of package jailer, where the modes are explained; written out so that listing boxes does not load it. */
const JAILER_MODES = ['required', 'best-effort', 'off'] as const;
const SECCOMP_MODES = ['enforce', 'diagnose', 'off'] as const;

const limit = wholeNumber(0, Number.MAX_SAFE_INTEGER, '');
/** The jailer's least: a view is built under this limit. */
const openFiles = wholeNumber(256, Number.MAX_SAFE_INTEGER, '');
const rate = wholeNumber(1, Number.MAX_SAFE_INTEGER, ' bytes a second');
const weight = wholeNumber(1, 10_000, '');
const processorsRule = 'must be a number from 0.01 to 65536';
const processors = z.number(processorsRule).min(0.01, processorsRule).max(65_536, processorsRule);

/** Members as `SecurityOptionsInput` of package jailer has them; a test compares the two. */
export const securitySchema = z
  .strictObject({
    jailer: z.enum(JAILER_MODES, "must be 'required', 'best-effort' or 'off'").optional(),
    jailerEnabled: z.boolean().optional(),
    seccomp: z.enum(SECCOMP_MODES, "must be 'enforce', 'diagnose' or 'off'").optional(),
    seccompEnabled: z.boolean().optional(),
    networkEnabled: z.boolean().optional(),
    closeFds: z.boolean().optional(),
    maxOpenFiles: openFiles.optional(),
    maxFileSize: limit.optional(),
    maxProcesses: limit.optional(),
    maxMemory: limit.optional(),
    memoryHigh: limit.optional(),
    maxSwap: limit.optional(),
    maxCpuTime: limit.optional(),
    cpuQuota: processors.optional(),
    cpuWeight: weight.optional(),
    ioWeight: weight.optional(),
    ioReadBytesPerSecond: rate.optional(),
    ioWriteBytesPerSecond: rate.optional(),
  })
  .superRefine((security, context) => {
    refuseContradiction(context, 'jailer', security.jailer, security.jailerEnabled);
    refuseContradiction(context, 'seccomp', security.seccomp, security.seccompEnabled);
  });

/** Two spellings of one wish. */
function refuseContradiction(
  context: z.RefinementCtx,
  field: 'jailer' | 'seccomp',
  mode: string | undefined,
  enabled: boolean | undefined,
): void {
  if (mode === undefined || enabled === undefined || enabled === (mode !== 'off')) return;
  context.addIssue({
    code: 'custom',
    path: [field],
    message: `'${mode}' contradicts ${field}Enabled: ${enabled}; leave ${field}Enabled out`,
  });
}
