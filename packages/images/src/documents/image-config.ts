import { posix } from 'node:path';
import { type Digest, type ImageConfig, isDigest, type Platform } from '@boxlite/core';
import * as z from 'zod';
import { invalidDocument, parseDocument } from './parse-document.js';

const text = z.string().refine((value) => !value.includes('\0'), { message: 'has a NUL character' });
const keySet = z.record(text, z.unknown()).nullish();

const configSchema = z.object({
  os: z.string().max(64),
  architecture: z.string().max(64),
  variant: z.string().max(64).optional(),
  config: z
    .object({
      Entrypoint: z.array(text).nullish(),
      Cmd: z.array(text).nullish(),
      Env: z.array(text.refine((value) => value.indexOf('=') > 0, { message: 'is not KEY=value' })).nullish(),
      WorkingDir: text.nullish(),
      User: text.nullish(),
      ExposedPorts: keySet,
      Labels: z.record(text, text).nullish(),
      StopSignal: text.nullish(),
    })
    .nullish(),
  rootfs: z.object({
    type: z.literal('layers'),
    diff_ids: z.array(
      z.custom<Digest>((value) => typeof value === 'string' && isDigest(value), {
        message: 'not "sha256:" and 64 lower-case hexadecimal digits',
      }),
    ),
  }),
});

/** What an image's configuration document says. */
export interface ParsedConfig {
  readonly platform: Platform;
  readonly config: ImageConfig;
  /** Digests of the uncompressed layers, bottom first; never empty. */
  readonly diffIds: readonly Digest[];
}

/**
 * Reads and normalises an image configuration (OCI image-spec, config.md).
 * @throws BoxliteError `image_invalid` naming the field; also for an image without `rootfs.diff_ids`, whose layers nothing could check
 */
export function parseImageConfig(bytes: Uint8Array, what: string): ParsedConfig {
  const document = parseDocument(configSchema, bytes, what);
  if (document.rootfs.diff_ids.length === 0) {
    throw invalidDocument(what, 'rootfs.diff_ids: it is empty, so no layer could be verified', 'rootfs.diff_ids');
  }
  const { config } = document;
  const stopSignal = config?.StopSignal ?? '';
  return {
    platform: {
      os: document.os,
      architecture: document.architecture,
      ...(document.variant === undefined ? {} : { variant: document.variant }),
    },
    diffIds: document.rootfs.diff_ids,
    config: {
      entrypoint: config?.Entrypoint ?? [],
      cmd: config?.Cmd ?? [],
      env: config?.Env ?? [],
      // Relative ones start at the root, as Docker has it.
      workingDir: posix.resolve('/', config?.WorkingDir ?? ''),
      user: config?.User ?? '',
      exposedPorts: Object.keys(config?.ExposedPorts ?? {}),
      labels: config?.Labels ?? {},
      ...(stopSignal === '' ? {} : { stopSignal }),
    },
  };
}
