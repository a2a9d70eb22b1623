/**
 * Icons: Lucide's, as paths for the canvas and as SVG elements for the panels, and which one a node gets.
 */

import {
  Activity,
  ArrowLeftRight,
  Bot,
  Box,
  Braces,
  Bug,
  ChartLine,
  CircleHelp,
  CreditCard,
  Database,
  FileText,
  Globe,
  HardDrive,
  House,
  type IconNode,
  Image,
  KeyRound,
  Layers,
  Leaf,
  LockKeyhole,
  LogIn,
  Mail,
  Network,
  Search,
  Server,
  Shield,
  ShoppingCart,
  UserRound,
  Waypoints,
} from "lucide";
import type { Node } from "#forms";

export interface Glyph {
  icon: IconNode;
  /** Hue of the tile, in degrees. */
  hue: number;
}

const BY_NAME: [RegExp, Glyph][] = [
  [/^non-|leaf|static|echo/, { icon: Leaf, hue: 160 }],
  [/communicat|fan-?out|aggregat|gateway|bff/, { icon: Waypoints, hue: 222 }],
  [/postgres|mysql|maria|mongo|redis|sql|db$|database|warehouse|click/, { icon: Database, hue: 172 }],
  [/queue|rabbit|kafka|nats|worker|job/, { icon: Layers, hue: 45 }],
  [/auth|keycloak|login|sso|identity|vault/, { icon: KeyRound, hue: 38 }],
  [/shop|cart|checkout|store/, { icon: ShoppingCart, hue: 24 }],
  [/pay|bill|invoice|stripe/, { icon: CreditCard, hue: 84 }],
  [/mail|smtp|postfix|notify/, { icon: Mail, hue: 280 }],
  [/search|meili|elastic|solr/, { icon: Search, hue: 190 }],
  [/image|img|photo|thumb|media/, { icon: Image, hue: 325 }],
  [/grafana|prom|metric|monitor|stat/, { icon: ChartLine, hue: 28 }],
  [/minio|s3|storage|backup|file/, { icon: HardDrive, hue: 200 }],
  [/blog|doc|wiki|page|cms/, { icon: FileText, hue: 215 }],
  [/health|probe|uptime|watch/, { icon: Activity, hue: 150 }],
  [/api|web|app|service|node|go/, { icon: Braces, hue: 245 }],
];

export function glyphOf(node: Node): Glyph {
  if (node.kind === "proxy") return node.proxy_kind === "private" ? PRIVATE : PUBLIC;
  if (node.kind === "outside") return { icon: CircleHelp, hue: 350 };
  if (node.kind === "gateway") return { icon: House, hue: 220 };
  if (node.kind === "server") return { icon: Server, hue: 255 };
  const text = `${node.name} ${node.containers[0]?.image ?? ""}`.toLowerCase();
  if (node.kind === "external")
    return { icon: node.within === null ? externalIcon(text) : UserRound, hue: 220 };
  return BY_NAME.find(([pattern]) => pattern.test(text))?.[1] ?? { icon: Box, hue: 222 };
}

const PUBLIC: Glyph = { icon: LogIn, hue: 215 };
const PRIVATE: Glyph = { icon: LockKeyhole, hue: 258 };

function externalIcon(text: string): IconNode {
  if (/bot|crawl|spider/.test(text)) return Bot;
  if (/scan|attack/.test(text)) return Bug;
  if (/vpn|office/.test(text)) return Shield;
  if (/health|probe|uptime/.test(text)) return Activity;
  if (/proxy|lb|balanc/.test(text)) return ArrowLeftRight;
  if (/\blan\b|local|network/.test(text)) return Network;
  if (/user|client/.test(text)) return UserRound;
  return Globe;
}

const paths = new Map<IconNode, Path2D>();

/** The icon as one path in its 24 × 24 box, to be stroked. Built once. */
export function iconPath(icon: IconNode): Path2D {
  const known = paths.get(icon);
  if (known) return known;
  const path = new Path2D();
  for (const [tag, attributes] of icon) addShape(path, tag, attributes);
  paths.set(icon, path);
  return path;
}

function addShape(path: Path2D, tag: string, a: Record<string, string | number | undefined>): void {
  const n = (key: string) => Number(a[key] ?? 0);
  const shape = new Path2D(tag === "path" ? String(a.d) : undefined);
  if (tag === "circle") shape.arc(n("cx"), n("cy"), n("r"), 0, Math.PI * 2);
  if (tag === "ellipse") shape.ellipse(n("cx"), n("cy"), n("rx"), n("ry"), 0, 0, Math.PI * 2);
  if (tag === "rect") shape.roundRect(n("x"), n("y"), n("width"), n("height"), n("rx"));
  if (tag === "line") {
    shape.moveTo(n("x1"), n("y1"));
    shape.lineTo(n("x2"), n("y2"));
  }
  if (tag === "polyline" || tag === "polygon") {
    const points = String(a.points)
      .trim()
      .split(/[\s,]+/)
      .map(Number);
    for (let i = 0; i < points.length; i += 2) shape.lineTo(points[i], points[i + 1]);
    if (tag === "polygon") shape.closePath();
  }
  path.addPath(shape);
}

const SVG = "http://www.w3.org/2000/svg";

/** The icon as an SVG element that takes its colour from the text around it. */
export function iconElement(icon: IconNode, size = 16): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  const attributes = {
    viewBox: "0 0 24 24",
    width: size,
    height: size,
    "aria-hidden": "true",
    class: "icon",
  };
  for (const [key, value] of Object.entries(attributes)) svg.setAttribute(key, String(value));
  for (const [tag, shape] of icon) {
    const element = document.createElementNS(SVG, tag);
    for (const [key, value] of Object.entries(shape)) element.setAttribute(key, String(value));
    svg.append(element);
  }
  return svg;
}

export function strokeIcon(
  ctx: CanvasRenderingContext2D,
  glyph: Glyph,
  x: number,
  y: number,
  size: number,
  colour: string,
): void {
  ctx.save();
  ctx.translate(x, y);
  ctx.scale(size / 24, size / 24);
  ctx.lineCap = ctx.lineJoin = "round";
  ctx.lineWidth = 2;
  ctx.strokeStyle = colour;
  ctx.stroke(iconPath(glyph.icon));
  ctx.restore();
}
