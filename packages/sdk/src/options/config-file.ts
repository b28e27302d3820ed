import { readFile } from 'node:fs/promises';
import { BoxliteError, errnoOf, toBoxliteError } from '@boxlite/core';
import * as z from 'zod';
import type { BoxliteOptions } from '../runtime/boxlite.js';
import { boxOptionsSchema } from './box-options.js';
import { cacheOptionsSchema } from './cache-options.js';
import { parseOptions } from './parse-options.js';
import { securitySchema } from './security-schema.js';

/** What a configuration file may say; each member is the option of the same name of `Boxlite.open`. */
export type ConfigFile = Pick<BoxliteOptions, 'registries' | 'dockerConfig' | 'cache' | 'kernel' | 'security'>;

const configSchema = z.strictObject({
  // Checked member by member by the image source, which says which one is wrong without repeating secrets.
  registries: z.array(z.looseObject({ host: z.string() })).optional(),
  dockerConfig: z.union([z.boolean(), z.string().min(1)]).optional(),
  cache: cacheOptionsSchema.optional(),
  kernel: boxOptionsSchema.shape.kernel,
  security: securitySchema.optional(),
});

/**
 * Reads a JSON file of runtime options.
 * @param path absolute, or relative to the current directory
 * @throws BoxliteError `config_error` for a file that cannot be read or is no JSON, `invalid_argument` naming the member that is wrong
 */
export async function readConfigFile(path: string): Promise<ConfigFile> {
  const document = parseJson(path, await readText(path));
  return parseOptions(configSchema, document, `configuration ${path}`) as ConfigFile;
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (thrown) {
    if (errnoOf(thrown) !== 'ENOENT') throw toBoxliteError(thrown, 'config_error', `reading the configuration ${path}`);
    throw new BoxliteError('config_error', `the configuration ${path} does not exist`, {
      hint: 'make the file, or leave --config out',
      details: { field: 'config', path },
    });
  }
}

/** The parser's own message quotes the file, which may hold a password. */
function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new BoxliteError('config_error', `the configuration ${path} is not JSON`, {
      hint: 'write { "registries": [...], "dockerConfig": true, "cache": { "maxBytes": 0 }, "kernel": "boxlite", "security": {} } with the members you need',
      details: { field: 'config', path },
    });
  }
}
