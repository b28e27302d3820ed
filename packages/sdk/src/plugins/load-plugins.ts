import { pathToFileURL } from 'node:url';
import { BoxliteError, type Plugin, type PluginRegistry } from '@boxlite/core';
import { createHomeLayout } from '@boxlite/layout';
import { findPluginFile } from './find-plugin-file.js';
import { pluginInvalid } from './plugin-invalid.js';

const EXPORTS: readonly string[] = ['default', 'plugin', 'plugins'];

/** How plugins are found; see {@link loadPlugins}. */
export interface LoadPluginsOptions {
  /** What relative paths start from. Absolute; default: the current directory. */
  readonly baseDir?: string;
  /** The BoxLite home, as for `Boxlite.open`: nothing is loaded from where its boxes write. */
  readonly homeDir?: string;
}

/**
 * Imports modules and registers the plugins they export: as `default`, `plugin` or `plugins`, each one plugin or an array.
 *
 * **A plugin is code that runs in this process with this user's rights.** So nothing is ever loaded that was not named here, and a module
 * that somebody else could change is refused (its owner and mode, and those of the directories above it). What the module itself imports is its
 * author's matter.
 *
 * @param registry what the plugins are added to; a failure may leave those of earlier locations in it
 * @param locations paths of ES modules or of package directories, or names of packages installed beside this one; a module
 *   that is named twice is loaded once
 * @throws BoxliteError `plugin_invalid`, `plugin_version` or `plugin_duplicate`; the message names the location
 */
export async function loadPlugins(
  registry: PluginRegistry,
  locations: readonly string[],
  options: LoadPluginsOptions = {},
): Promise<readonly Plugin[]> {
  if (locations.length === 0) return [];
  const { baseDir = process.cwd(), homeDir } = options;
  const { boxesDir } = createHomeLayout(homeDir);
  const loaded: Plugin[] = [];
  const files = new Set<string>();
  for (const location of locations) {
    const file = await findPluginFile(location, { baseDir, boxesDir });
    if (files.has(file)) continue;
    files.add(file);
    for (const plugin of pluginsOf(location, await importModule(location, file))) {
      register(registry, plugin, location, file);
      loaded.push(plugin);
    }
  }
  return loaded;
}

async function importModule(location: string, file: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    return (await import(pathToFileURL(file).href)) as Readonly<Record<string, unknown>>;
  } catch (thrown) {
    const why = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
    throw pluginInvalid(
      location,
      `${file} cannot be imported: ${why}`,
      'correct the module; it must be JavaScript',
      thrown,
    );
  }
}

/** One module may export the same plugin under several names. */
function pluginsOf(location: string, module: Readonly<Record<string, unknown>>): readonly Plugin[] {
  const values = EXPORTS.flatMap((name) => (Object.hasOwn(module, name) ? [module[name]] : [])).flat(1);
  const plugins = [...new Set(values)];
  const wrong = plugins.find((value) => typeof value !== 'object' || value === null);
  if (plugins.length > 0 && wrong === undefined) return plugins as Plugin[];
  const why =
    wrong === undefined
      ? 'exports no plugin'
      : `exports a ${wrong === null ? 'null' : typeof wrong} where a plugin should be`;
  throw pluginInvalid(
    location,
    `it ${why}`,
    typeof wrong === 'function'
      ? 'export what the factory returns: a plugin is a value'
      : 'export a plugin, or an array of plugins, as default, plugin or plugins',
  );
}

function register(registry: PluginRegistry, plugin: Plugin, location: string, file: string): void {
  try {
    registry.register(plugin, file);
  } catch (thrown) {
    if (!BoxliteError.isInstance(thrown)) throw thrown;
    throw new BoxliteError(thrown.code, `plugin ${location}: ${thrown.message}`, {
      ...(thrown.hint === undefined ? {} : { hint: thrown.hint }),
      cause: thrown,
      details: { ...thrown.details, path: location },
    });
  }
}
