import { between, type Random } from "./random.ts";

// SVG fragments: a building site and two kinds of machines, on a canvas of 1200 × 900.

export const canvas = { width: 1_200, height: 900 } as const;

export function text(
  content: string,
  at: { x: number; y: number; size: number; fill: string; spacing?: number; turn?: number },
): string {
  const turn = at.turn === undefined ? "" : ` transform="rotate(${at.turn} ${at.x} ${at.y})"`;
  const spacing = at.spacing === undefined ? "" : ` letter-spacing="${at.spacing}"`;
  return `<text x="${at.x}" y="${at.y}" font-family="DejaVu Sans" font-weight="bold" font-size="${at.size}" fill="${at.fill}"${spacing}${turn}>${content}</text>`;
}

/** A sticker: dark text on a white plate. */
export function sticker(content: string, x: number, y: number, size: number): string {
  const width = content.length * size * 0.74 + size * 0.6;
  return `<rect x="${x - size * 0.3}" y="${y - size}" width="${width}" height="${size * 1.3}" rx="3" fill="#f4f4f0"/>${text(content, { x, y, size, fill: "#23272b" })}`;
}

export function landscape(random: Random): string {
  const hills = Array.from({ length: 5 }, (_, index) => {
    const x = between(random, -100, canvas.width);
    const y = 300 + index * 12;
    return `<ellipse cx="${x}" cy="${y}" rx="${between(random, 200, 420)}" ry="${between(random, 40, 110)}" fill="hsl(${between(random, 85, 130)},25%,${between(random, 28, 42)}%)"/>`;
  });
  const gravel = Array.from({ length: 500 }, () => {
    const light = between(random, 30, 55);
    return `<ellipse cx="${between(random, 0, canvas.width)}" cy="${between(random, 640, canvas.height)}" rx="${between(random, 2, 11)}" ry="${between(random, 1, 5)}" fill="hsl(34,14%,${light}%)"/>`;
  });
  return `<defs><linearGradient id="sky" x2="0" y2="1"><stop stop-color="#8fb4d6"/><stop offset="1" stop-color="#dfe7ea"/></linearGradient></defs>
    <rect width="1200" height="340" fill="url(#sky)"/>${hills.join("")}
    <rect y="320" width="1200" height="580" fill="#84786a"/>${gravel.join("")}`;
}

export function fence(random: Random): string {
  const posts = Array.from({ length: 14 }, (_, index) => {
    const x = index * 90 + between(random, -8, 8);
    return `<rect x="${x}" y="250" width="7" height="110" fill="#5e5e5c"/>`;
  });
  return `${posts.join("")}<path d="M0 275H1200M0 320H1200" stroke="#6b6b68" stroke-width="4"/>`;
}

function wheel(x: number, y: number, radius: number): string {
  const lugs = Array.from({ length: 24 }, (_, index) => {
    const angle = (index / 24) * 2 * Math.PI;
    const [inner, outer] = [radius * 0.88, radius * 1.05];
    return `<path d="M${x + Math.cos(angle) * inner} ${y + Math.sin(angle) * inner}L${x + Math.cos(angle) * outer} ${y + Math.sin(angle) * outer}" stroke="#101010" stroke-width="${radius * 0.12}"/>`;
  });
  return `${lugs.join("")}<circle cx="${x}" cy="${y}" r="${radius}" fill="#1c1c1d"/><circle cx="${x}" cy="${y}" r="${radius * 0.5}" fill="#b9b4a4"/><circle cx="${x}" cy="${y}" r="${radius * 0.2}" fill="#6b675d"/>`;
}

/** Bonnet from (420, 380) to (900, 620); `livery` is drawn on it. */
export function loader(paint: string, livery: string): string {
  return `<path d="M120 690L60 560L250 520L300 640Z" fill="#3a3a38"/>
    <path d="M230 560L470 400L520 450L290 610Z" fill="${paint}" stroke="#20201e" stroke-width="3"/>
    <path d="M400 380L400 210L590 190L640 380Z" fill="#20282e" stroke="${paint}" stroke-width="18"/>
    <path d="M400 380H930Q1010 400 1020 620H380Z" fill="${paint}" stroke="#2a2a25" stroke-width="4"/>
    <path d="M690 380V620" stroke="#2a2a25" stroke-opacity=".35" stroke-width="2"/>
    <rect x="962" y="440" width="40" height="120" fill="#26241f"/>
    ${wheel(450, 735, 112)}${wheel(900, 735, 112)}${livery}`;
}

/** House from (520, 430) to (1060, 600), boom up to the left; `livery` is drawn on it. */
export function excavator(paint: string, livery: string): string {
  const rollers = Array.from({ length: 9 }, (_, index) => wheel(500 + index * 62, 745, 24));
  return `<path d="M560 470L330 170L150 240L120 470L170 470L200 280L310 240L480 500Z" fill="${paint}" stroke="#2a2a25" stroke-width="4"/>
    <path d="M110 460L60 590L150 640L200 560L175 465Z" fill="#37352f"/>
    <path d="M520 430L540 280L680 280L700 430Z" fill="#1f272d" stroke="${paint}" stroke-width="14"/>
    <path d="M520 430H1060Q1090 440 1090 610H510Z" fill="${paint}" stroke="#2a2a25" stroke-width="4"/>
    <rect x="440" y="690" width="600" height="110" rx="55" fill="#2b2a28"/>${rollers.join("")}
    <rect x="640" y="610" width="220" height="80" fill="#3b3a36"/>${livery}`;
}

/** Splashes of mud and a few scratches. */
export function dirt(random: Random, count: number): string {
  const splashes = Array.from({ length: count }, () => {
    const size = between(random, 2, 14);
    return `<ellipse cx="${between(random, 300, 1_050)}" cy="${between(random, 380, 800)}" rx="${size}" ry="${size * 0.7}" fill="#6d5c45" opacity="${between(random, 0.25, 0.7)}"/>`;
  });
  return splashes.join("");
}

export function glare(x: number, y: number, radius: number): string {
  return `<defs><radialGradient id="glare"><stop stop-color="#fff" stop-opacity=".75"/><stop offset="1" stop-color="#fff" stop-opacity="0"/></radialGradient></defs><circle cx="${x}" cy="${y}" r="${radius}" fill="url(#glare)"/>`;
}
