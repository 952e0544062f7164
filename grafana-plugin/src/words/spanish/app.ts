import type { app as english } from '../english/app.ts';

export const app = {
  'failure.noSession': 'Grafana no responde.',
  'failure.signedOut': 'Tu sesión en Grafana ha terminado. Vuelve a entrar.',
  'failure.grafanaRole': 'Grafana no te permite hacer esto: hace falta un rol superior.',
  'failure.off': 'Grafana no conoce la aplicación: no está activada en esta organización.',
  'failure.address': 'Grafana no puede enviar peticiones a Lowtide: su dirección falta o no es válida.',
  'failure.unreachable': 'No se puede llegar a Lowtide.',
  'failure.timeout': 'Lowtide no respondió a tiempo.',
  'failure.token': 'Lowtide no acepta el token que envía Grafana: {{detail}}.',
  'failure.refused': 'Lowtide no permite esto: {{detail}}.',
  'failure.foreign': 'Lo que responde en esa dirección no es Lowtide, o es uno demasiado antiguo.',
  'failure.status': 'La respuesta fue un error con el estado {{status}}.',
  'failure.said': '{{detail}}',
} as const satisfies Record<keyof typeof english, string>;
