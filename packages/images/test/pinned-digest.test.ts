import { describe, expect, it } from 'vitest';
import { BlobStore, createLocalImageSource, createRegistryImageSource, loadImages } from '../src/index.js';
import { layoutMembers, oldDockerArchive, writeArchive } from './archive-samples.js';
import { makeTar } from './make-tar.js';
import { sampleImage } from './sample-image.js';
import { memoryImageStore, temporaryHome } from './temporary-home.js';

const OTHER_DIGEST = `sha256:${'a'.repeat(64)}`;

async function emptyCache() {
  return { blobs: new BlobStore(await temporaryHome()), store: memoryImageStore() };
}

/** An archive whose image has another name than it was made with. */
async function archiveNamed(directory: string, name: string, annotation = 'io.containerd.image.name'): Promise<string> {
  const members = await layoutMembers(directory);
  const index = members.find((member) => member.name === 'index.json')!;
  const document = JSON.parse(String(index.body));
  document.manifests[0].annotations = { [annotation]: name };
  index.body = Buffer.from(JSON.stringify(document));
  return writeArchive(members);
}

describe('a name with a digest', () => {
  it('in an archive counts only when it is that of the image itself: nobody who pins a digest gets another image', async () => {
    const [cache, sample] = [await emptyCache(), await sampleImage()];
    const lie = `docker.io/library/app@${OTHER_DIGEST}`;
    const lying = await archiveNamed(sample.directory, lie);
    expect(await loadImages(cache, lying)).toMatchObject([{ named: false }]);
    await using source = createRegistryImageSource(cache);
    await expect(source.resolve(lie, { pull: 'never' })).rejects.toMatchObject({ code: 'image_not_found' });
    const local = createLocalImageSource(cache);
    const tagged = await archiveNamed(sample.directory, lie, 'org.opencontainers.image.ref.name');
    for (const file of [lying, tagged]) {
      const resolving = local.resolve(`docker-archive:${file}:${lie}`);
      await expect(resolving).rejects.toMatchObject({ code: 'image_not_found' });
    }

    const truth = `docker.io/library/app:v1@${sample.manifestDigest}`;
    const honest = await archiveNamed(sample.directory, truth);
    expect(await loadImages(cache, honest)).toMatchObject([{ references: [truth], named: true }]);
    expect((await source.resolve(truth, { pull: 'never' })).manifestDigest).toBe(sample.manifestDigest);
  });

  it('in the manifest.json of docker save is refused, as Docker does', async () => {
    const [cache, tar] = [await emptyCache(), await makeTar([{ name: 'a', body: 'a' }])];
    const file = await writeArchive(await oldDockerArchive([{ tars: [tar], tags: [`app@${OTHER_DIGEST}`] }]));
    await expect(loadImages(cache, file)).rejects.toMatchObject({
      code: 'image_invalid',
      message: expect.stringContaining('RepoTags'),
    });
    expect(cache.store.records.size).toBe(0);
  });

  it('means what has that digest, whatever its record says', async () => {
    const [cache, pinned, other] = [await emptyCache(), await sampleImage(), await sampleImage()];
    for (const { directory } of [pinned, other]) await loadImages(cache, await archiveNamed(directory, 'app:v1'));
    const reference = `docker.io/library/app@${pinned.manifestDigest}`;
    const [record] = [...cache.store.records.values()];
    expect(record!.manifestDigest).toBe(other.manifestDigest);
    await cache.store.put({ ...record!, reference });
    await using source = createRegistryImageSource(cache);
    expect((await source.resolve(reference, { pull: 'never' })).manifestDigest).toBe(pinned.manifestDigest);
  });
});
