import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { configuredOptions } from './configured-options.js';

async function configuration(document: unknown): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'boxlite-config-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const path = join(directory, 'config.json');
  await writeFile(path, typeof document === 'string' ? document : JSON.stringify(document));
  return path;
}

describe('the configuration of the command line', () => {
  it('is empty without a file and without flags', async () => {
    expect(await configuredOptions({}, {})).toEqual({});
    expect(await configuredOptions({ dockerConfig: true }, { BOXLITE_CONFIG: '' })).toEqual({});
  });

  it('is the file of --config, else that of BOXLITE_CONFIG', async () => {
    const one = await configuration({ cache: { maxBytes: 1 } });
    const two = await configuration({ dockerConfig: false });
    expect(await configuredOptions({}, { BOXLITE_CONFIG: one })).toEqual({ cache: { maxBytes: 1 } });
    expect(await configuredOptions({ config: two }, { BOXLITE_CONFIG: one })).toEqual({ dockerConfig: false });
  });

  it('searches the registries of --registry first, in their order, as the file says they are reached', async () => {
    const config = await configuration({
      registries: [
        { host: 'a.example', search: true },
        { host: 'b.example', transport: 'http' },
      ],
    });
    const { registries } = await configuredOptions({ config, registry: ['c.example:5000', 'b.example'] }, {});
    expect(registries).toEqual([
      { host: 'c.example:5000', search: true },
      { host: 'b.example', transport: 'http', search: true },
      { host: 'a.example', search: true },
    ]);
  });

  it('does without docker when told so', async () => {
    expect(await configuredOptions({ dockerConfig: false }, {})).toEqual({ dockerConfig: false });
  });

  it.each([
    ['{ "registries": ', 'config_error'],
    ['{ "registies": [] }', 'invalid_argument'],
    ['{ "registries": [{}] }', 'invalid_argument'],
    ['{ "cache": { "maxBytes": -1 } }', 'invalid_argument'],
    ['[]', 'invalid_argument'],
  ])('refuses %s without repeating it', async (text, code) => {
    const config = await configuration(`${text}`);
    await expect(configuredOptions({ config }, {})).rejects.toMatchObject({ code, hint: /\S/ });
  });

  it('never shows what may be a password', async () => {
    const config = await configuration('{ "registries": [{ "host": "x", "auth": { "password": "hunter2" } }');
    const failure = await configuredOptions({ config }, {}).catch((thrown: Error) => thrown);
    expect(JSON.stringify([failure, (failure as Error).message, (failure as Error).cause])).not.toContain('hunter2');
  });

  it('that does not exist is an error with a remedy', async () => {
    await expect(configuredOptions({ config: '/no/such/file' }, {})).rejects.toMatchObject({
      code: 'config_error',
      details: { field: 'config' },
    });
  });

  it.each(['https://x.example', 'user@x', '', '-x', 'a/b'])('refuses --registry %j', async (host) => {
    await expect(configuredOptions({ registry: [host] }, {})).rejects.toMatchObject({
      code: 'invalid_argument',
      details: { field: 'registry' },
    });
  });
});
