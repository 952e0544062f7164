import React, { createContext, useContext, useEffect, useState, type ReactNode } from 'react';
import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { AppEvents } from '@grafana/data';
import { getAppEvents } from '@grafana/runtime';
import { Alert, Icon, useStyles2 } from '@grafana/ui';
import { useLocation } from 'react-router-dom-v5-compat';
import type { Include } from './settings.ts';

/** The frame that Grafana puts around a page: enough of it that pages look, and have the room, as they will. */
export function Shell({ children }: { readonly children: ReactNode }): React.JSX.Element {
  const styles = useStyles2(getStyles);
  const { app } = window.hostSettings;
  const { pathname } = useLocation();
  const pages = app.includes.filter(({ type, addToNav }) => type === 'page' && addToNav === true);
  const current = pages.find(({ path }) => pathname.startsWith(path));
  return (
    <div className={styles.frame}>
      <header className={styles.bar}>
        <Icon name="grafana" size="xl" />
        <nav aria-label="Breadcrumbs" className={styles.crumbs}>
          <span>Home</span>
          <span>›</span>
          <span>{app.name}</span>
          {current !== undefined && (
            <>
              <span>›</span>
              <strong>{current.name}</strong>
            </>
          )}
        </nav>
      </header>
      <div className={styles.below}>
        <nav aria-label="Main menu" className={styles.menu}>
          {pages.map((page) => (
            <MenuItem key={page.path} page={page} isCurrent={page === current} />
          ))}
        </nav>
        <main className={`main-view ${styles.main}`}>{children}</main>
      </div>
      <Toasts />
    </div>
  );
}

function MenuItem({ page, isCurrent }: { readonly page: Include; readonly isCurrent: boolean }) {
  const styles = useStyles2(getStyles);
  return (
    <a
      href={page.path}
      className={isCurrent ? styles.current : styles.item}
      aria-current={isCurrent && 'page'}
    >
      {page.name}
    </a>
  );
}

export const PageTitle = createContext<string | undefined>(undefined);

interface PluginPageProps {
  readonly children: ReactNode;
  readonly subTitle?: ReactNode;
  readonly actions?: ReactNode;
  readonly pageNav?: { readonly text: string; readonly subTitle?: string };
  readonly renderTitle?: (title: string) => ReactNode;
}

/** Grafana's PluginPage, which the npm package has none of: the title comes from the include of the path. */
export function PluginPage(props: PluginPageProps): React.JSX.Element {
  const { children, subTitle, actions, pageNav, renderTitle } = props;
  const styles = useStyles2(getStyles);
  const { app } = window.hostSettings;
  const { pathname } = useLocation();
  const inherited = useContext(PageTitle);
  const include = app.includes.find(({ type, path }) => type === 'page' && pathname.startsWith(path));
  const title = pageNav?.text ?? inherited ?? include?.name ?? app.name;
  return (
    <div className={styles.page}>
      <div className={styles.head}>
        <div>
          {renderTitle?.(title) ?? <h1>{title}</h1>}
          {subTitle ?? pageNav?.subTitle}
        </div>
        <div className={styles.actions}>{actions}</div>
      </div>
      {children}
    </div>
  );
}

interface Toast {
  readonly severity: 'success' | 'warning' | 'error';
  readonly title: string;
  readonly text: string;
}

function Toasts(): React.JSX.Element {
  const styles = useStyles2(getStyles);
  const [toasts, setToasts] = useState<readonly Toast[]>([]);
  useEffect(() => {
    const kinds = [
      [AppEvents.alertSuccess, 'success'],
      [AppEvents.alertWarning, 'warning'],
      [AppEvents.alertError, 'error'],
    ] as const;
    const subscriptions = kinds.map(([event, severity]) =>
      getAppEvents()
        .getStream({ type: event.name } as never)
        .subscribe(({ payload }) => {
          const [title, text = ''] = payload as readonly [string, string?];
          setToasts((before) => [...before, { severity, title, text }]);
        }),
    );
    return () => subscriptions.forEach((each) => each.unsubscribe());
  }, []);
  return (
    <div className={styles.toasts} data-testid="toasts">
      {toasts.map(({ severity, title, text }, index) => (
        <Alert
          key={index}
          elevated
          severity={severity}
          title={title}
          onRemove={() => setToasts((before) => before.filter((_, at) => at !== index))}
        >
          {text}
        </Alert>
      ))}
    </div>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  frame: css({
    minHeight: '100vh',
    background: theme.colors.background.canvas,
    color: theme.colors.text.primary,
  }),
  bar: css({
    display: 'flex',
    alignItems: 'center',
    gap: theme.spacing(1),
    height: 40,
    padding: theme.spacing(0, 2),
    background: theme.colors.background.primary,
    borderBottom: `1px solid ${theme.colors.border.weak}`,
  }),
  crumbs: css({ display: 'flex', gap: theme.spacing(1), ...theme.typography.bodySmall }),
  below: css({ display: 'flex', minHeight: 'calc(100vh - 40px)' }),
  menu: css({
    display: 'flex',
    flexDirection: 'column',
    flex: '0 0 220px',
    gap: theme.spacing(0.5),
    padding: theme.spacing(2, 1),
    background: theme.colors.background.primary,
    borderRight: `1px solid ${theme.colors.border.weak}`,
    [theme.breakpoints.down('md')]: { display: 'none' },
  }),
  item: css({ padding: theme.spacing(0.75, 1.5), color: theme.colors.text.secondary }),
  current: css({
    padding: theme.spacing(0.75, 1.5),
    color: theme.colors.text.primary,
    background: theme.colors.action.selected,
    borderRadius: theme.shape.radius.default,
  }),
  main: css({ flex: 1, minWidth: 0, display: 'flex', flexDirection: 'column', position: 'relative' }),
  page: css({
    padding: theme.spacing(2),
    [theme.breakpoints.up('md')]: { padding: theme.spacing(4) },
  }),
  head: css({
    display: 'flex',
    flexWrap: 'wrap',
    alignItems: 'flex-start',
    justifyContent: 'space-between',
    gap: theme.spacing(1, 3),
    marginBottom: theme.spacing(2),
    color: theme.colors.text.secondary,
    h1: { margin: 0, color: theme.colors.text.primary },
  }),
  actions: css({ display: 'flex', alignItems: 'center', gap: theme.spacing(1) }),
  toasts: css({ position: 'fixed', top: 48, right: 16, width: 400, zIndex: theme.zIndex.portal }),
});
