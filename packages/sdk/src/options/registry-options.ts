export type { RegistrySettings as RegistryOptions } from '@boxlite/images';
