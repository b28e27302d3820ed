import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ImageRecord, ImageStore } from '@boxlite/core';
import { createHomeLayout, type HomeLayout } from '@boxlite/layout';
import { temporaryDirectory } from './temporary-directory.js';

/** A prepared home that goes when the test ends. */
export async function temporaryHome(): Promise<HomeLayout> {
  const layout = createHomeLayout(join(await temporaryDirectory(), 'home'));
  await layout.prepare();
  return layout;
}

/** What a home holds of images: nothing in `tmp` unless something was left behind. */
export async function imageFiles(layout: HomeLayout) {
  const [layers, manifests, configs, tmp] = await Promise.all(
    [layout.layersDir, layout.manifestsDir, layout.configsDir, layout.tmpDir].map((directory) => readdir(directory)),
  );
  return { layers: layers!, manifests: manifests!, configs: configs!, tmp: tmp! };
}

/** The contract's image store, in memory. */
export function memoryImageStore(): ImageStore & { readonly records: Map<string, ImageRecord> } {
  const records = new Map<string, ImageRecord>();
  return {
    records,
    put: async (record) => void records.set(record.reference, record),
    get: async (reference) => records.get(reference),
    list: async () => [...records.values()],
    delete: async (reference) => records.delete(reference),
  };
}
