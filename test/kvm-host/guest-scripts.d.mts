export const BOOT_MODULES: readonly string[];
export const HOST_MODULES: readonly string[];
export const ORDINARY_USER: { readonly name: string; readonly uid: number };
export function initramfsScript(): string;
export function hostScript(): string;
