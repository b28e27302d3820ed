import { expect, it } from 'vitest';
import { absoluteImage } from './absolute-image.js';

it.each([
  ['oci:layout', 'oci:/work/layout'],
  ['oci:./layout:v1/x', 'oci:/work/layout:v1/x'],
  ['oci-archive:../image.tar', 'oci-archive:/image.tar'],
  ['oci:/layout:latest', 'oci:/layout:latest'],
  ['docker-archive:saved.tar:app:v1', 'docker-archive:/work/saved.tar:app:v1'],
  ['dir:./image', 'dir:/work/image'],
  ['my-kind:../image', 'my-kind:/image'],
  ['dir:image', 'dir:image'],
  ['oci:', 'oci:'],
  ['oci::tag', 'oci::tag'],
  ['alpine:3', 'alpine:3'],
  ['localhost:5000/team/app', 'localhost:5000/team/app'],
])('the image %s of a box created in /work is %s wherever it is started', (reference, absolute) => {
  expect(absoluteImage(reference, '/work')).toBe(absolute);
});
