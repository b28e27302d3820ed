import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Boxlite } from '@boxlite/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failureOf } from '../support/failure-of.js';
import { installedFiles } from '../support/home-contents.js';
import { leftoversOf } from '../support/leftovers.js';
import * as fixtures from '../support/oci-fixtures.js';
import { runCli } from '../support/run-cli.js';
import { type TemporaryHome, temporaryHome } from '../support/temporary-home.js';

let home: TemporaryHome;
let boxlite: Boxlite;
let before: readonly string[];

beforeAll(async () => {
  home = await temporaryHome();
  boxlite = await Boxlite.open({ homeDir: home.home });
  // What every first start makes, so that what a bad image adds can be told from it.
  const box = await boxlite.create();
  await box.start();
  await boxlite.remove(box.id, { force: true });
  before = await installedFiles(home.home);
});

afterAll(async () => {
  await boxlite.shutdown();
  await home.end();
});

const at = (name: string) => join(home.home, name);

/** Each makes the image and gives its reference. */
const BAD_IMAGES: readonly (readonly [string, string, () => string])[] = [
  ['that does not exist', 'image_not_found', () => 'oci:/no/such/layout'],
  ['in an archive that does not exist', 'image_not_found', () => 'oci-archive:/no/such/file.tar'],
  [
    'whose layer is not what its digest says',
    'digest_mismatch',
    () => fixtures.imageWithWrongLayerDigest(at('wrong-digest')).reference,
  ],
  ['whose layer is truncated', 'digest_mismatch', () => fixtures.imageWithTruncatedLayer(at('truncated')).reference],
  [
    'whose layer ends in the middle of its gzip',
    'layer_invalid',
    () => fixtures.imageWithTruncatedGzip(at('gzip')).reference,
  ],
  [
    'whose layer is not the one of the configuration',
    'digest_mismatch',
    () => fixtures.imageWithWrongDiffId(at('diff-id')).reference,
  ],
  [
    'with a layer that climbs out by ".."',
    'layer_escapes',
    () => fixtures.imageWithDotDotEntry(at('dotdot')).reference,
  ],
  [
    'with a hard link out of the root',
    'layer_escapes',
    () => fixtures.imageWithEscapingHardLink(at('hardlink')).reference,
  ],
  ['for another architecture', 'platform_mismatch', () => fixtures.imageForAnotherArchitecture(at('other')).reference],
];

describe('an image', () => {
  it.each(BAD_IMAGES)('%s is refused with %s, and nothing is left but the failed record', async (_what, code, make) => {
    const reference = make();
    const box = await boxlite.create({ image: reference });
    const thrown = await failureOf(box.start());
    expect(thrown).toMatchObject({ code, details: { boxId: box.id } });
    expect(await box.info()).toMatchObject({
      status: 'failed',
      running: false,
      pid: null,
      errorReason: thrown.message,
    });
    expect(leftoversOf(home.home).processes).toEqual([]);
    expect(await installedFiles(home.home)).toEqual(before);

    await boxlite.remove(box.id);
    expect(await readdir(at('boxes'))).toEqual([]);
    expect(await boxlite.list()).toEqual([]);
    expect(leftoversOf(home.home)).toEqual({ processes: [], links: [] });
  });

  it.each([
    ['odd name', 'upper/CASE'],
    ['odd digest', 'name@sha256:abc'],
    ['nothing', 'oci:'],
  ])('reference that is malformed (%s) is invalid, naming the field', async (_what, reference) => {
    const box = await boxlite.create({ image: reference });
    expect(await failureOf(box.start())).toMatchObject({ code: 'invalid_argument', details: { field: 'image' } });
    await boxlite.remove(box.id);
  });

  it('that is bad gives 125 of boxlite run and 1 of boxlite pull, and --rm leaves not even a record', async () => {
    const { reference } = fixtures.imageWithDotDotEntry(at('cli-dotdot'));
    const run = await runCli(['run', '--rm', reference, 'true'], { home: home.home });
    expect(run.status).toBe(125);
    expect(run.stderr).toMatch(/^boxlite: .*escaped.*\n {2}hint: .+\n$/);
    expect((await runCli(['pull', 'oci:/no/such/layout'], { home: home.home })).status).toBe(1);
    expect(await boxlite.list()).toEqual([]);
    expect(await installedFiles(home.home)).toEqual(before);
  });
});
