import { PluginRegistry } from '@boxlite/core';
import { expect, it } from 'vitest';
import { createQcow2DiskStore } from './qcow2-disk-store.js';
import { qcow2DiskStorePlugin } from './qcow2-disk-store-plugin.js';

it('the plugin registers, is available everywhere, and creates the store', async () => {
  const plugin = await new PluginRegistry().register(qcow2DiskStorePlugin()).select('disk-store', 'qcow2');
  expect(plugin.create(undefined)).toMatchObject({ id: 'qcow2', chain: expect.any(Function) });
});

it('a relative staging directory is refused before anything is written', () => {
  expect(() => createQcow2DiskStore({ stagingDirectory: 'tmp' })).toThrow(
    expect.objectContaining({ code: 'invalid_argument', details: { field: 'stagingDirectory' } }),
  );
});
