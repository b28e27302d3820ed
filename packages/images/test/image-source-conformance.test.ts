import { imageSourceConformance, runConformance } from '@boxlite/core/testing';
import { describe, it } from 'vitest';
import { archiveSetup, layoutSetup, registrySetup } from './conformance-setups.js';

describe.each([
  ['a layout directory', layoutSetup],
  ['an archive', archiveSetup],
  ['a registry', registrySetup],
] as const)('the image source of %s', (_name, setup) => {
  runConformance(imageSourceConformance(setup), it);
});
