import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Box, Boxlite, defaultRegistry } from '@boxlite/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  CLONING_FILE_SYSTEMS,
  type LoopFileSystem,
  mountLoopFileSystem,
  whyNotMountable,
} from '../../packages/disk-reflink/test/loop-file-system.js';
import { removeHome } from '../support/temporary-home.js';

for (const type of CLONING_FILE_SYSTEMS) {
  const reason = whyNotMountable(type);
  describe.skipIf(reason !== undefined)(`a home on ${type}${reason ? ` (${reason})` : ''}`, () => {
    let mounted: LoopFileSystem;
    let homeDir: string;
    beforeAll(() => {
      mounted = mountLoopFileSystem(type);
      homeDir = join(mounted.directory, 'home');
    });
    afterAll(async () => {
      await removeHome(homeDir);
      mounted.unmount();
    });

    const shell = async (box: Box, script: string) => {
      const { stdout } = await box.run('sh', ['-c', script]);
      return Buffer.from(stdout).toString();
    };

    it('makes disks by cloning files; they keep their format over stop, start and another runtime, and a qcow2 box beside them its own', async () => {
      const first = await Boxlite.open({ homeDir });
      const raw = await first.create({ memoryMib: 256, diskSizeGb: 1 });
      expect(await shell(raw, 'echo kept > /kept; sync; cat /kept')).toBe('kept\n');
      await raw.stop();
      const disks = join(homeDir, 'boxes', raw.id, 'disks');
      expect(await readdir(disks)).toEqual(['disk.raw']);
      expect((await stat(join(disks, 'disk.raw'))).mode & 0o777).toBe(0o600);
      await first.shutdown();

      // A registry for no home in particular makes overlays, and goes on with what there is.
      const second = await Boxlite.open({ homeDir, registry: defaultRegistry() });
      const again = await second.get(raw.id);
      expect(await shell(again as Box, 'cat /kept')).toBe('kept\n');
      await again?.stop();
      const overlay = await second.create({ memoryMib: 256, diskSizeGb: 1 });
      expect(await shell(overlay, 'echo other > /other; sync; cat /other')).toBe('other\n');
      await overlay.stop();
      expect(await readdir(join(homeDir, 'boxes', overlay.id, 'disks'))).toEqual(['disk.qcow2']);
      await second.shutdown();

      const third = await Boxlite.open({ homeDir });
      expect(await shell((await third.get(overlay.id)) as Box, 'cat /other')).toBe('other\n');
      for (const { id } of [raw, overlay]) await third.remove(id, { force: true });
      await third.shutdown();
    });
  });
}
