import { describe, expect, test } from "vitest";
import {
  type Brand,
  brandNamed,
  brandsWithModel,
  catalogue,
  isSameBrand,
  seriesOf,
  spellings,
  spellModel,
} from "./catalogue.ts";

const listOf = (models: string): readonly string[] => models.trim().split(/\s+/);

/** Models painted on real machines, in addition to the examples of each series. */
const realModels: Readonly<Record<string, string>> = {
  Caterpillar: `
    320GC 325 336GC 352 349EL 311FLRR 314CLCR 308E2CRSB 307E2 313FLGC 330FLN 938M 914 907M
    988H 926M D5K2 D6R D3 D1 D8 D9R D6NLGP CB36B CS74B 432E 444 415F2 236B3 265 TH408 TL642D
    730 735 773G 815K 140K 972MXE 924HZ 980XE 300.9D 302.7DCR 309CR 308CR 323 345CL 345CLME
    330 336DL 320DLRR 336D2LXE 325FLCR 395 374FL 312CL 329DLN D8T D6XE D9T 16M3 24M 140M3AWD
    740GC D250E 428 270XE 275XE CC34B`,
  Komatsu: `
    PC210LC-10 PC138US-8 PC350LC-8 PC240LC-11 PC80MR-5 PC170LC-11 PC130-11 PC700LC-11
    PC220LC-8M0 PC27MR-3 WA470-10 WA200-8 WA485-10 D71EX-24 D65PXI-18 D51EXI-24 D27P HM400-3
    GD655-5 PW150 HB335LC-3 PC230NHD-8 WB97R-5 PC26MR-3 PC18MR-5 PC170LC PC300 PC300LC-8M0
    PC228USLC-11 PC138US-11 PC490LC-11 PC130-8 PC238USLC-11 PC290NLC-8 PC350LC-8E0 PC850SE-8
    HB335NLC-3 PW118MR-11 WA380-8 WA270-8 WA600-8 WA100M-8 WA250PZ-6 WA900-8R D39PX-24 D475A-8
    D85EX-18 D71PXI-24 D37EX-23 980E-5 HD1500-8 CD110R-2`,
  Volvo: `
    EC210CL EC300DL EC140EL EC240BLC EC350E EC480E EC18E ECR40D ECR145DL EC250DL EC380EL
    EC750EL EW160C EWR130E L60F L70H L150H L220H L180F L30G A25G A35F A40E SD75B BL61 EC400
    EC260 EC370 EC140DL EC300EL EC250E EC290BNLC EC360CL EC500 EC950F EC230ELECTRIC EC210
    EC210F EC340DL EC160ENL ECR355EL ECR58D EW145B L25H L260H L45G L110H L70D A50 R70D`,
  Hitachi: `
    ZX85US-5 ZX135US-7 ZX200-3 ZX250LCN-6 ZX300LC-6 ZX490LCH-6 ZX38U-5 ZX130-5 ZX240LC-5G
    ZX470LCH-6 EX300-5 EX60 EX2500-6 ZW180-6 ZX75US-7 ZX160LC-6 ZX225US-6 ZX200LC ZX55U
    ZX19U-6 ZAXIS210LC ZX210LC ZX225USRLC-6 ZX350LC-7 ZX130LCN-6 ZX890LCH-7 ZX470LCH-5
    ZX210X-6 ZX145W-6 ZAXIS200 EX200LC LX230-7 ZW150-5`,
  JCB: `
    JS130 JS240LC JS360LC 8035ZTS 8055RTS 65R-1 86C-1 16C-1 540-200 550-80 535-125 533-105
    525-60 426 437 436HT 3CX-15 4CX-17 VMT160-80 215LC 7FT-1 300T 214S 4CX-15 JS220LC JS370
    JZ140 57C-1 19C-1E 48Z-1 525-60E 540-180 560-80 510-56 555-210R TM420S 532-60 540-140 419S
    467ZX`,
  Liebherr: `
    R916 R924COMPACT R936 R950 R946 R9350 A912 A916LITRONIC A918COMPACT L514STEREO L528
    L556XPOWER L538G8 PR746 PR756 LH26 LTM1050-3.1 LTM1090-4.2 TA230LITRONIC R930 R945 R960
    R950TUNNEL R938 R9150 R904C R317 R922 A922RAIL A316 A913COMPACT L586XPOWER L524 L546 L576
    L509SPEEDER LTC1050-3.1 LTM11200-9.1 LTF1060-4.1 HS855HD`,
  CASE: `
    CX160D CX220C CX245DSR CX210E CX26C CX57C CX490D 521G 651G 1221G 580SV 590ST 590SR 695ST
    570N 1650M 721F 821G 21F CX80C 695SV 575SV 851EX 580SM 580SK CX19D CX15EV CK38 CX220E
    CX145CSR CX300E CX750D CX240BLR 1121G 621E 721GXR SL27`,
  "John Deere": `
    135G 210GLC 250GLC 300GLC 380GLC 75G 26P 333P 325G 444L 544P 624K 824K 310L 310SJ 410G
    710K 700P 850LWLT 1050P 670G 872P 460P 190E 245P 380P 320P 325SL 524K-II 444G 724J 904P
    844L 644G 950K 700L 550K 35ZTS 200DLC 350P 210P 330GLC 190GW 850DLC E210LC 135P 470P
    690ELC 622GP`,
  Kubota: `
    KX057-5 U17-3A U27-4 KX030-4 KX41-3 U35-4 KX018-4 KX71-3S R065HW SVL75-3 KX080-4S2 U25-3
    KX037-4 SVL65-2 KX060-5 KX085-5 KX040-4 KX161-3 K008-5 RX306 U56-5 SCL1000`,
  Takeuchi: `
    TB216 TB225 TB230 TB250-2 TB257FR TB290-2 TB370 TL8R2 TL10V2 TB153FR TB1140 TB175 TB285
    TB295W TB235-2 TB240 TB325R`,
  Bobcat: `
    E17 E20 E26 E27 E34 E42 E50 E55 E57W E60R2 E85 E145 E165 S450 S76 T76 T86 T590 TL30.60
    S130 T450 L85 463 S770 S66 863G S175 S86 MT100 E60 E88 435ZHS E35Z E20Z 430 TL38.70HF
    T36120SL TL619 TL519`,
  Doosan: `
    DX85R DX140LC-5 DX225LC-7 DX235NLC-5 DX300LC-5 DX340LC DX420LC-3 DX63 DL200 DL250 DL420
    DA40-5 SOLAR130W-V SOLAR255LC-V SOLAR300LC-V DX19 DX27Z DX160W-5 DX55W DX89R-7 DX17Z-5
    DX225LC-3 DX190W-5 DX160LC DX380LC-9 DX1000LC-7 DX140W DX255LC-5 SOLAR75-V SOLAR420LC-V
    DL420CVT-7 DL220`,
  Develon: `
    DX225LC-9 DX100W-7 DX27Z-7 DX420LC-7 DL320-7 DD130 DX230LC-9 DX85R-7 DX360LC-9 DX55W
    DX89R-7 DX17Z-5 DX225LC-3 DX190W-5 DX160LC DX380LC-9 DX1000LC-7 DX140W DX255LC-5 SOLAR75-V
    SOLAR420LC-V DL420CVT-7 DL220`,
  Hyundai: `
    R210LC-9 R250LC-9 R320LC-7A R55W-9 R140LC-9S R110-7 R380LC-9A R210NLC-9 R180LC-9 R360LC-7
    250LC-9 170W-9 HX140L HX210AL HX300L HX480L HW140A HW170AW HL955 HL970 HL757-7 HL730-9
    ROBEX290LC-7 R145LCR-9 R35Z-9 R60W-9S R290LC-7A R55-7 R145CR-9 R170W-9 R80CR-9A R520LC-9
    R17Z-9A R300LC-9SH R220LC HX48AZ HX235ALCR HX520L HX210S HX160L HL757TM-9 HL940 HL730-7A`,
  "New Holland": `
    E175C E305C E245B E485C E26C E37C W170C W190C W270C B115B B95 L218 C232 LM7.42 LB110B
    D150B E215BJ E245C E135B`,
  Sany: `
    SY75C SY135C SY215C-9 SY215CLC SY235C SY365C SY500H SY750H SY50U SY26U SY16C SY35U SY155U
    SY215C-9LC SY335C-9LCS SY55C SY60C SY95C SY225C SY305H SY390H SY365H SY235C-9 SY265C
    SY115C9 SY305C SY155W`,
  XCMG: `
    XE35U XE60DA XE75DA XE135D XE155DK XE215DA XE215C XE270DK XE370CA XE490DK XE700D XE950DA
    LW500KN LW300KN XS123 GR180 XC870 ZL50GN XE380DK XE490D XE210E XE305D LW1200K`,
  Zoomlion: `
    ZE60G ZE75E-10 ZE135E-10 ZE215E ZE205E-10 ZE230E ZE330E ZE370E ZE485EK ZE700ESP`,
  LiuGong: `
    CLG922E 906E 908E 915E 920F 925E 930E 936F 950E 856H 848H 835H CLG842H 9018F 9027FZTS
    CLG4180D 924F 862H 870HE 848T CLG855N 909ECR CLG925D 9027F 920E`,
  Kobelco: `
    SK75SR-3 SK130LC-11 SK135SRLC-7 SK140SRLC-5 SK200-10 SK210LC-9 SK230SRLC-5 SK260LC-10
    SK330-8 SK350LC-10 SK500LC-10 SK17SR-3 SK28SR-6 SK45SRX-6 SK55SRX-7 SK520LC-11 SK26SR-7
    SK70SR-1E SK58SRX-7 SK260SRLC-5 SK850LC SK135SR-3 SK300LC-11 SK210HLC-10 SK380SRLC-7`,
  Sumitomo: `
    SH120-5 SH130-6 SH200-5 SH210LC-6 SH210LC-7 SH235X-6 SH240-6 SH300LC-7 SH350LHD-5 SH75X-7
    SH125X-6 SH300-5 SH480LHD-6 SH240-5 SH500LHD-6`,
  "Link-Belt": `
    75X3 80X3 130X2 145X3 145X4 160X2 160X3 170X4 210X2 220X4 225X3MSR 235X3 245X4 250X3 300X2
    350X2 355X4 370X4 490X4 750X4 210X4 350X3 220X3E 210LX 300X4 LS-138H`,
  Shantui: `
    SD13S SD16TL SD17 SD22E SD32W SD42-3 DH17-B2 DH13-C2 SE135 SE215-9 SE220LC SL50WN-5 L55-C3
    L58-C3 SG21-3 SR20MP DH17 SD22W SD16F DH24-C2 SE135-9 SE75W`,
  Sinomach: `
    GE215H GE150H GE35H ZG3210-9C ZG3365LC-9C 937H 957H 955T 719H`,
  Gehl: `
    R105 R150 R190 V270 V400 RT165 RT215 RT250 VT320 Z25 Z45 RS8-44 DL9-44 4640E 5640E`,
  Manitou: `
    MT625H MT1135 MT1440 MLT737-130PS+ MLT733-105 MLT840-137PS MRT2145 MRT2150 MHT790 180ATJ
    MT1840HA MRT3255 MT-X732 MLA-T533 MLT961-145 MTA5519`,
  Bomag: `
    BW120AD-4 BW138AD-5 BW161AD-4 BW177DH-5 BW211D-4 BW213DH-5 BW219DH-5 BW65H BW100AD-5
    BW226DI-5 BW206AD-5 BMP8500 BW80AD-5 BW174AP-4 BW213DH-4 BW211D-40 BW177D-5 BW90AD-5`,
  "Wacker Neuson": `
    ET18 ET20 ET65 EZ28 EZ38 EZ80 6003 ET90 WL20 WL28 WL38 DW60 DT10 TH412 DV60 1404 ET145
    6503WD 1503`,
  Terex: `
    TA300 TA250 TA9 TC16 TC125 TW85 TR100 TLB890 HR16 PT-110`,
  Yanmar: `
    VIO17-1 VIO20-4 VIO25 VIO35 VIO38-6 VIO50-6B VIO57-6 VIO80-1A VIO80-2 SV08 SV16 SV18EX
    SV26 SV100-2A B110W B95W V120 VIO33-6 VIO12-2A VIO82 SV22 SV17E`,
  Merlo: `
    P25.6 P32.6 P38.10 P40.13 P40.17 TF38.10 TF42.7 TF65.9 ROTO40.25 ROTO50.35 TF35.7-115
    TF38.10TT P38.14PLUS P60.10`,
  Mecalac: `
    12MTX 714MW 8MCR 10MCR 6MCR 9MWR 11MWR 15MWR AS1600 TLB890 AX700 9MDX`,
  Kramer: `
    5035 5055 5085L 8085T 8105 KL43.8L 2706 3007 KT356 KT559 KL25.5`,
  Hamm: `
    HD10 HD12 HD12VV HD13VV HD14VV HD70 HD90 HD120 H13I H20I HD+120IVO 3411 3520 H7I H12I
    HD10CVV DV+70I HP280I HD+140I HD12IVV`,
  Dynapac: `
    CA1500D CA2500PD CA250D CA3500D CA512D CC1100 CC1200 CC1300 CC2200 CC4200 CC900 SD2500CS
    CA260D CC1300C CS142 CC102`,
  Bell: `
    B18E B25E B30D B30E B35D B40E B45E B50D B60E`,
  SDLG: `
    LG936L L956F LG958L E6210F E6225F LG6210E G9190 L953F RS8140 E6360F`,
  Lonking: `
    CDM833 CDM855 CDM856 LG855N CDM6065 CDM6150 CDM6225 CDM6235 CDM1190`,
  Lovol: `
    FL936F FL956F FR60E FR65 FR150D FR220D FR260D FR370E`,
  Sunward: `
    SWE20F SWE25UF SWE35UF SWE60UF SWE90E SWE155E SWE215E SWE365E-3H SWE100E`,
  Hidromek: `
    HMK102B HMK102SALPHA HMK62SS HMK140LC-3 HMK220LC-4 HMK230LC HMK310LC HMK640WL HMK145LCSR
    HMK145LCSR-5`,
  Kato: `
    HD513MR-6 HD823MR-5 HD820-6 HD1023-5 NK-250E HD308US 17VXE 55V4 HD513MR HD1023 HD700-7`,
  Ammann: `
    ARX12 ARX16 ARX23 ARX26 ARX40 ARX110 ARS70 ARS122 ASC110D ASC150D AV110X AP240 AC110
    ARX16-2 ARR1575`,
  Wirtgen: `
    W50 W35RI W100F W120F W130CFI W150CFI W200I W210FI W220FI W2100 WR200 W200HI W220`,
  Vögele: `
    SUPER1300-3I SUPER1600-3I SUPER1800-3 SUPER1803-3 SUPER1900-3I SUPER2100-2 SUPER700-3I
    SUPER1300-3 SUPER1803-3I SUPER1900-5I`,
  Sennebogen: `
    817E 818M 821E 825R 830E 835M 840R 850E 355E 730E`,
  Avant: `
    225 423 528 630 635 745 750 760I 860I E513`,
  Genie: `
    GTH-2506 GTH-3007 GTH-4014 GTH-844 GS-1932 GS-3246 Z-45/25JRT S-45XC S-85XC`,
  JLG: `
    G5-18A 742 943 1055 1255 G12-55A 450AJ 600S 1930ES 3246ES 4017RS 860SJ 4013PS 1350SJP
    4069LE 660SJ 340AJ`,
  Sakai: `
    TS200`,
  Dieci: `
    SAMSON70.10`,
  Magni: `
    TH5.5.24`,
  Haulotte: `
    COMPACT10DX`,
  Atlas: `
    1704 180W 1305M`,
  Dressta: `
    TD-25R`,
  Tadano: `
    GT-550E GR-600XL ATF100G-4`,
  Grove: `
    GMK5250L GMK6300`,
};

/** Misreadings: a letter becomes a digit, a digit is doubled, or a suffix belongs to another maker. */
const misreadModels: Readonly<Record<string, string>> = {
  Caterpillar: "3208 9306 3200D 3336 D66T D12 9500M 1400M 7777G 320X 930Z9 345GG 2259D",
  Komatsu: "PC2000LC PC2100 PC20O PC211 PC2100LC-11 PC200-88 PC200-9A1 WA3800 WA381 D611 D61PX-240",
  Volvo: "EC2200 EC2200E EC222E EC220Z EC220DX L1200H L121H A300G EW1600 ECR888",
  Hitachi: "ZX2100 ZX2100LC ZX211 ZX210-66 ZX210LC-66 ZW2200 EX2700LC EX270CL",
  JCB: "JS2200 JS221 33CX 6CX 5311-70 531-700 531-7 4577 80188CTS",
  Liebherr: "R9220 A9188 L5500 PR7360 LTM11000-5.2 R921",
  CASE: "CX2100 CX2100D CX211D 5800ST 6210G 581ST SR1750",
  "John Deere": "6444K 645K 2100G 211G 8500K 3100SL 3333G 672X",
  Hyundai: "R2200 R2100LC-9 R211LC-9 HX2200 HX2200L HX221L HL9600 2500LC-9 250LC 250-99",
  Sany: "SY1550 SY155UU SY2155C SY2150 SY216C SY750U SY5000H SY3655H",
  Bobcat: "E422 E500 E355 S6500 T5900 S777",
  Doosan: "DX2250 DX2255LC DX226LC DX225LC-99 DL3000 DL301",
  Kobelco: "SK2100 SK2100LC SK211LC SK210LC-100 SK755SR",
  Sumitomo: "SH2100 SH211-5 SH210-55",
  "Link-Belt": "250X44 2500X4 251X4 250X5 250X",
  "New Holland": "E2155C W1900D LB1100 B1100C L2180",
  Kubota: "KX0577-4 KX157-4 U277-4 SVL755-2 U57-4",
  Takeuchi: "TB2166 TB2900 TB290-9 TL122",
  XCMG: "XE2155C XE2150 XE216C LW5000KN",
  Shantui: "SD166 SD220 SD19 DH177 SE2200",
  Gehl: "R1650 R2200 V3300 RS6-420",
};

/** The maximum share of strings with one extra digit that may also be models. */
const mostLikelyMisread = 0.05;

test("has the brands that the vision adapter of today knows, and more", () => {
  const names = catalogue.map(({ name }) => name);
  const today =
    "Caterpillar Volvo Komatsu Hitachi Doosan Hyundai JCB Liebherr CASE Kubota Takeuchi Bobcat";
  expect(names).toEqual(expect.arrayContaining([...today.split(" "), "John Deere"]));
  expect(names.length).toBeGreaterThanOrEqual(16);
  expect(new Set(names).size).toBe(names.length);
});

test("has makers of every kind of machine, and none of engines, attachments or trucks", () => {
  const names = catalogue.map(({ name }) => name);
  expect(names).toEqual(
    expect.arrayContaining(["Shantui", "Sinomach", "Link-Belt", "Gehl", "Sany", "Hamm", "Merlo"]),
  );
  const others = "Cummins Perkins Deutz Isuzu Mercedes MAN Scania Palfinger Kuhn".split(" ");
  expect(names.filter((name) => others.includes(name))).toEqual([]);
});

test("a name that begins another brand's name stands after it", () => {
  const names = catalogue.flatMap((brand, index) =>
    spellings(brand).map((name) => ({ name: name.replace(/[^A-Z0-9]/g, ""), index })),
  );
  const wrong = names.filter(({ name, index }) =>
    names.some((longer) => longer.index > index && longer.name.startsWith(name)),
  );
  expect(wrong).toEqual([]);
});

test("no spelling belongs to two brands", () => {
  const all = catalogue.flatMap((brand) => spellings(brand));
  expect(new Set(all).size).toBe(all.length);
});

test.each([
  ["CAT", "Caterpillar"],
  ["cat", "Caterpillar"],
  ["Caterpillar Inc.", "Caterpillar"],
  ["CATERPILLAR, INC", "Caterpillar"],
  ["Komatsu Ltd.", "Komatsu"],
  ["Deere & Company", "John Deere"],
  ["john-deere", "John Deere"],
  ["Hitachi", "Hitachi"],
  ["Wacker Neuson SE", "Wacker Neuson"],
  ["BOMAG GmbH", "Bomag"],
  ["Sany Heavy Industry Co., Ltd.", "Sany"],
  ["VÖGELE AG", "Vögele"],
  ["Co.", undefined],
  ["Acme", undefined],
  ["", undefined],
])("%j is the brand %s", (text, name) => {
  expect(brandNamed(text)?.name).toBe(name);
});

test("every spelling leads to its own brand, with a legal form too", () => {
  for (const brand of catalogue)
    for (const spelling of spellings(brand))
      for (const form of ["", " Inc.", ", Ltd", " GmbH & Co. KG"])
        expect(brandNamed(spelling + form)?.name, spelling + form).toBe(brand.name);
});

test("brands that are not in the list are the same when they are written the same", () => {
  expect(isSameBrand("Acme", "ACME Ltd.")).toBe(true);
  expect(isSameBrand("Acme", "Apex")).toBe(false);
  expect(isSameBrand("Acme", "Caterpillar")).toBe(false);
});

describe.each(catalogue)("$name", (brand) => {
  const cases = brand.series.flatMap(({ type, examples }) =>
    examples.map((model) => ({ model, type })),
  );

  test.each(cases)("$model is a $type and nothing else", ({ model, type }) => {
    expect(seriesOf(brand, model).map((series) => series.type)).toEqual([type]);
  });

  test("knows no model by a year, a plate, a quantity or a brand", () => {
    for (const compact of ["1998", "LD29XYZ", "40KG", "24V", "FLEET", brand.name.toUpperCase()]) {
      expect(seriesOf(brand, compact)).toEqual([]);
    }
  });
});

const brandOf = (name: string): Brand => {
  const brand = catalogue.find((candidate) => candidate.name === name);
  if (brand === undefined) throw new Error(`no brand ${name}`);
  return brand;
};

describe("models of the last twenty years", () => {
  test.each(Object.entries(realModels))("%s", (name, models) => {
    const brand = brandOf(name);
    const unknown = listOf(models).filter((model) => seriesOf(brand, model).length === 0);
    expect(unknown).toEqual([]);
  });
});

describe("misread models", () => {
  test.each(Object.entries(misreadModels))("%s", (name, models) => {
    const brand = brandOf(name);
    const taken = listOf(models).filter((model) => seriesOf(brand, model).length > 0);
    expect(taken).toEqual([]);
  });
});

describe("a digit too many seldom makes another model of the brand", () => {
  test.each(catalogue)("$name", (brand) => {
    const examples = brand.series.flatMap((series) => series.examples);
    const models = [...examples, ...listOf(realModels[brand.name] ?? "")].filter(Boolean);
    const longer = [...new Set(models)].flatMap(withOneDigitMore);
    const taken = longer.filter((model) => seriesOf(brand, model).length > 0);
    expect(taken.length / longer.length).toBeLessThanOrEqual(mostLikelyMisread);
  });
});

/** Inserts a digit before, between and after the digits of each number. */
function withOneDigitMore(model: string): readonly string[] {
  const places = [...model, ""].flatMap((sign, index) =>
    /\d/.test(sign) || /\d/.test(model[index - 1] ?? "") ? [index] : [],
  );
  const longer = places.flatMap((place) =>
    [..."0123456789"].map((digit) => model.slice(0, place) + digit + model.slice(place)),
  );
  return [...new Set(longer)];
}

test("a series may be known at one brand, at several, or at none", () => {
  const owners = (compact: string) => brandsWithModel(compact).map(({ name }) => name);
  expect(owners("PC200-8")).toEqual(["Komatsu"]);
  expect(owners("DX225LC")).toEqual(["Doosan", "Develon"]);
  expect(owners("QQ123")).toEqual([]);
});

test("a model is spelt as its manufacturer does", () => {
  const spell = (name: string, compact: string) => {
    const brand = catalogue.find((candidate) => candidate.name === name);
    return brand && spellModel(brand, compact);
  };
  expect(spell("Liebherr", "LTM1100-5.2")).toBe("LTM 1100-5.2");
  expect(spell("Volvo", "L120H")).toBe("L120H");
});
