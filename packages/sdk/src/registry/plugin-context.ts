import type { HardwareProbe, StateStore } from '@boxlite/core';
import type { HomeLayout } from '@boxlite/layout';
import type { RegistryOptions } from '../options/registry-options.js';

/** What every plugin's `create` is given by this SDK; a plugin's author finds here where its own files may go. */
export interface PluginContext {
  readonly layout: HomeLayout;
  readonly store: StateStore;
  readonly hardware: HardwareProbe;
  readonly registries: readonly RegistryOptions[];
  /** As `BoxliteOptions.dockerConfig`. */
  readonly dockerConfig?: boolean | string;
}
