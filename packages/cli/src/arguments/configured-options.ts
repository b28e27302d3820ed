import { BoxliteError } from '@boxlite/core';
import { type ConfigFile, readConfigFile } from '@boxlite/sdk';

/** Names the configuration for every command line of a shell. */
export const CONFIG_VARIABLE = 'BOXLITE_CONFIG';

/** What of the options before the command says how images are got. */
export interface ConfigFlags {
  readonly config?: string;
  readonly registry?: readonly string[];
  readonly dockerConfig?: boolean;
}

/**
 * The runtime's options by file and by flags; flags win. A registry named by `--registry` is searched before those of the file, with the
 * settings the file has for it.
 * @throws BoxliteError `config_error`, `invalid_argument`
 */
export async function configuredOptions(
  flags: ConfigFlags,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<ConfigFile> {
  const path = flags.config ?? environment[CONFIG_VARIABLE];
  const file = path === undefined || path === '' ? {} : await readConfigFile(path);
  const hosts = flags.registry ?? [];
  for (const host of hosts) checkHost(host);
  const { registries = [] } = file;
  const searched = [...new Set(hosts)].map((host) => ({
    ...(registries.find((registry) => registry.host === host) ?? { host }),
    search: true,
  }));
  const others = registries.filter(({ host }) => !hosts.includes(host));
  return {
    ...file,
    ...(searched.length + others.length === 0 ? {} : { registries: [...searched, ...others] }),
    ...(flags.dockerConfig === false ? { dockerConfig: false } : {}),
  };
}

function checkHost(host: string): void {
  if (host !== '' && !/[/@\s]|^-/.test(host)) return;
  throw new BoxliteError(
    'invalid_argument',
    `--registry ${JSON.stringify(host.slice(0, 80))} is not HOST or HOST:PORT`,
    {
      hint: 'write --registry registry.example:5000; how it is reached and with which credentials is for --config',
      details: { field: 'registry' },
    },
  );
}
