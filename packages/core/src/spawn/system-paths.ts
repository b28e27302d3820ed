/**
 * Where systems keep their programs, libraries and what these read of themselves: enough for an interpreter such as `python3` to start. No
 * home, no `/var`, of `/etc` the loader's files, the alternatives, the time zone and what is public of OpenSSL alone.
 */
export const SYSTEM_PATHS: readonly string[] =
  process.platform === 'darwin'
    ? [
        // Not /System whole: every file of the host has a second name in /System/Volumes.
        ...['/System/Library', '/System/Cryptexes', '/System/Volumes/Preboot/Cryptexes', '/Library/Apple'],
        ...['/usr', '/bin', '/sbin', '/opt/homebrew', '/Library/Developer/CommandLineTools'],
        ...['/private/etc/localtime', '/private/var/db/timezone'],
      ]
    : [
        ...['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32'],
        ...['/etc/alternatives', '/etc/ld.so.cache', '/etc/ld.so.conf', '/etc/ld.so.conf.d', '/etc/localtime'],
        ...[
          '/etc/ssl/openssl.cnf',
          '/etc/ssl/certs',
          '/etc/pki/tls/openssl.cnf',
          '/etc/pki/tls/certs',
          '/etc/crypto-policies',
        ],
      ];
