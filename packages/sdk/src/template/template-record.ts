import * as z from 'zod';
import { invalid, largeFileSchema, snapshotFilesSchema } from './snapshot-files.js';
import { imagePartsSchema } from './template-image.js';
import { isTemplateKey, TEMPLATE_FORMAT } from './template-key.js';

const count = z.int().nonnegative();

const recordSchema = z.object({
  format: z.literal(TEMPLATE_FORMAT),
  key: z.string().refine(isTemplateKey),
  /** Milliseconds since the epoch. */
  createdAt: count,
  parts: z.object({
    vmm: z.string(),
    vmmKey: z.string(),
    kernel: z.string(),
    initrd: z.string().exactOptional(),
    guestRootfs: z.string(),
    commandLine: z.array(z.string()),
    cpus: count,
    memoryMib: count,
    disks: z.array(z.object({ format: z.enum(['raw', 'qcow2']), readOnly: z.boolean() })),
  }),
  /** For people. */
  kernel: z.object({ version: z.string(), origin: z.string() }),
  files: snapshotFilesSchema,
  /** Of a template of one image: what it is of, and the disk its memory belongs to. */
  image: imagePartsSchema.extend({ disk: largeFileSchema }).exactOptional(),
});

/** `template.json`: what a template is, beside its files. */
export type TemplateRecord = z.output<typeof recordSchema>;

/**
 * @param path for the error
 * @throws BoxliteError `snapshot_invalid` for a text that is none, or of another version
 */
export function parseTemplateRecord(text: string, key: string, path: string): TemplateRecord {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (thrown) {
    throw invalid('its record is not JSON', path, thrown);
  }
  const { success, data, error } = recordSchema.safeParse(document);
  if (!success) {
    const member = error.issues[0]?.path.join('.') ?? '';
    const isOther = member === 'format';
    throw invalid(isOther ? 'it is of another version of BoxLite' : `its record is damaged (${member})`, path, error);
  }
  if (data.key !== key) throw invalid('its record is that of another template', path);
  return data;
}
