/** What a key of the config names: a database by its URL, anything else is a path. */
export function isPostgresUrl(target: string): boolean {
  return /^postgres(ql)?:\/\//i.test(target);
}

export function isMysqlUrl(target: string): boolean {
  return /^(mysql|mariadb):\/\//i.test(target);
}

export function isUrl(target: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(target);
}
