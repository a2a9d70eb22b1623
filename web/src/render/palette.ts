/** Colours of the canvases, per theme. The panels' colours are the same, in `style/tokens.css`. */

export interface Palette {
  dark: boolean;
  /** The background's gradient. */
  page: [offset: number, colour: string][];
  dots: string;
  hullTop: string;
  hullBottom: string;
  hullStroke: string;
  hullGlow: string;
  card: [string, string];
  cardStroke: string;
  cardShadow: string;
  text: string;
  muted: string;
  faint: string;
  accent: string;
  ok: string;
  bad: string;
  warn: string;
  track: string;
  edge: string;
  edgeActive: string;
  edgeFocus: string;
  trunk: string;
  trunkGlow: string;
  label: string;
  labelText: string;
  public: [string, string];
  private: [string, string];
  disc: string;
  discStroke: string;
  undecided: string;
  hairpin: string;
  head: string;
}

export const DARK: Palette = {
  dark: true,
  page: [
    [0, "#0f1832"],
    [0.38, "#0d1426"],
    [1, "#080b15"],
  ],
  dots: "rgba(148, 170, 230, .055)",
  hullTop: "rgba(27, 38, 76, .62)",
  hullBottom: "rgba(15, 22, 45, .58)",
  hullStroke: "rgba(112, 140, 226, .30)",
  hullGlow: "rgba(64, 96, 220, .26)",
  card: ["#212b4e", "#1a2240"],
  cardStroke: "rgba(148, 170, 230, .20)",
  cardShadow: "rgba(3, 6, 16, .55)",
  text: "#eef2fd",
  muted: "#97a3c4",
  faint: "#7481a6",
  accent: "#8fb4ff",
  ok: "#34d399",
  bad: "#fb7185",
  warn: "#fbbf24",
  track: "rgba(148, 170, 230, .14)",
  edge: "rgba(122, 145, 190, .34)",
  edgeActive: "rgba(92, 158, 160, .56)",
  edgeFocus: "rgba(110, 214, 190, .85)",
  trunk: "#7d63d2",
  trunkGlow: "rgba(139, 92, 246, .16)",
  label: "#20194a",
  labelText: "#cfc0ff",
  public: ["#54a1ff", "#2563eb"],
  private: ["#a583ff", "#6d3df0"],
  disc: "#18203c",
  discStroke: "rgba(148, 170, 230, .30)",
  undecided: "rgba(160, 170, 196, .75)",
  hairpin: "rgba(96, 165, 250, .78)",
  head: "#ffffff",
};

export const LIGHT: Palette = {
  dark: false,
  page: [
    [0, "#f6f7fc"],
    [1, "#eff1f9"],
  ],
  dots: "rgba(80, 100, 160, .11)",
  hullTop: "rgba(236, 240, 254, .92)",
  hullBottom: "rgba(246, 248, 255, .92)",
  hullStroke: "rgba(120, 140, 210, .38)",
  hullGlow: "rgba(99, 125, 220, .16)",
  card: ["#ffffff", "#ffffff"],
  cardStroke: "rgba(90, 105, 160, .20)",
  cardShadow: "rgba(50, 65, 120, .16)",
  text: "#131a33",
  muted: "#56618a",
  faint: "#6b769c",
  accent: "#2f5fe0",
  ok: "#059669",
  bad: "#e11d48",
  warn: "#b45309",
  track: "rgba(70, 90, 150, .14)",
  edge: "rgba(110, 130, 170, .42)",
  edgeActive: "rgba(94, 146, 160, .62)",
  edgeFocus: "rgba(13, 130, 105, .85)",
  trunk: "#9b7bea",
  trunkGlow: "rgba(139, 92, 246, .13)",
  label: "#efe9ff",
  labelText: "#5b2fc9",
  public: ["#4a92ff", "#1d56e0"],
  private: ["#8f66fb", "#5b2bdc"],
  disc: "#ffffff",
  discStroke: "rgba(90, 105, 160, .34)",
  undecided: "rgba(95, 105, 135, .8)",
  hairpin: "rgba(37, 99, 235, .7)",
  head: "#04543d",
};

export const FONT = '"Inter Variable", Inter, system-ui, sans-serif';
