import type { HardwareProbe, StateStore } from '@boxlite/core';
import type { HomeLayout } from '@boxlite/layout';
import type { RegistryOptions } from '../options/registry-options.js';

/** What every plugin's `create` is given by this SDK. */
export interface PluginContext {
  readonly layout: HomeLayout;
  readonly store: StateStore;
  readonly hardware: HardwareProbe;
  readonly registries: readonly RegistryOptions[];
}
