import { filter, rule, type SbplForm, type SbplSection, symbol } from '../sbpl/sbpl-form.js';
import type { PathRow } from './path-table.js';
import { type Permission, tableForms } from './table-forms.js';

/** Name resolution and the certificates of the system: what Apple's network libraries ask other processes for. */
const NETWORK_SERVICES = [
  'com.apple.SecurityServer',
  'com.apple.SystemConfiguration.DNSConfiguration',
  'com.apple.SystemConfiguration.configd',
  'com.apple.bsd.dirhelper',
  'com.apple.networkd',
  'com.apple.ocspd',
  'com.apple.trustd.agent',
];

const IP_RULES: readonly { readonly operations: readonly string[]; readonly about: SbplForm }[] = [
  { operations: ['network-outbound'], about: filter('remote', symbol('ip')) },
  { operations: ['network-bind', 'network-inbound'], about: filter('local', symbol('ip')) },
];

const SOCKETS: Permission = {
  holds: (access) => access === 'read-write',
  operations: [
    {
      names: ['network-bind', 'network-inbound'],
      about: (path) => filter('local', symbol('unix-socket'), path),
    },
    { names: ['network-outbound'], about: (path) => filter('remote', symbol('unix-socket'), path) },
  ],
};

/** Unix sockets: bound, listened on and dialled in writable places only, with the network on or off. */
export function unixSocketSection(table: readonly PathRow[]): SbplSection {
  return {
    heading: ['Unix sockets: in writable places, by the path they are bound to'],
    forms: [
      rule('allow', ['system-socket'], [filter('socket-domain', symbol('AF_UNIX'))]),
      ...tableForms(table, SOCKETS),
    ],
  };
}

/**
 * The network, before the rules about unix sockets. Every rule names internet addresses: one without a filter would open the sockets of other
 * processes, such as Docker's.
 */
export function networkSection(enabled: boolean): SbplSection {
  if (!enabled) {
    return {
      heading: ['Network: none'],
      forms: IP_RULES.map(({ operations, about }) => rule('deny', operations, [about])),
    };
  }
  return {
    heading: ['Network: internet addresses, names and certificates of the system'],
    forms: [
      ...IP_RULES.map(({ operations, about }) => rule('allow', operations, [about])),
      rule(
        'allow',
        ['network-outbound'],
        [filter('remote', symbol('unix-socket'), filter('literal', '/private/var/run/mDNSResponder'))],
      ),
      rule(
        'allow',
        ['system-socket'],
        [
          filter('socket-domain', symbol('AF_ROUTE')),
          filter('require-all', filter('socket-domain', symbol('AF_SYSTEM')), filter('socket-protocol', symbol('2'))),
        ],
      ),
      rule(
        'allow',
        ['mach-lookup'],
        NETWORK_SERVICES.map((name) => filter('global-name', name)),
      ),
      rule('allow', ['sysctl-read'], [filter('sysctl-name-prefix', 'net.routetable')]),
    ],
  };
}
