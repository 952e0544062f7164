/**
 * What every child inherits: enough to find programs, its home and its language, and nothing that may hold a secret of
 * somebody else. `LC_ALL=C` keeps tools' messages readable to the code that judges them; file names stay bytes.
 */
const inherited = ['PATH', 'HOME', 'USER', 'LOGNAME', 'TMPDIR', 'TZ', 'SSL_CERT_FILE', 'SSL_CERT_DIR'];

export function baseEnvironment(): Record<string, string> {
  const base: Record<string, string> = { LC_ALL: 'C' };
  for (const name of inherited) {
    const value = process.env[name];
    if (value !== undefined) base[name] = value;
  }
  return base;
}
