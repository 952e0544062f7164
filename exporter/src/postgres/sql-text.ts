/** String literals, quoted names, comments and dollar quotes, which hold no placeholders; and placeholders. */
const tokens =
  /'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\/|\$([A-Za-z_]\w*)?\$[\s\S]*?\$\1\$|\?(\d+)?/g;

const translated = new Map<string, string>();

/** `?` and `?1` as SQLite has them, into `$1` as PostgreSQL has them. The statements of a program are few: each is done once. */
export function numbered(sql: string): string {
  let found = translated.get(sql);
  if (found === undefined) {
    let count = 0;
    found = sql.replaceAll(tokens, (token: string, _tag: unknown, number: string | undefined) => {
      if (!token.startsWith('?')) return token;
      return `$${number ?? String((count += 1))}`;
    });
    translated.set(sql, found);
  }
  return found;
}

/** A name as it is, whatever is in it. */
export function quotedName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
