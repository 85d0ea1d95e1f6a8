import { catalogue, spellings } from "./catalogue.ts";

// Words painted on machines that tell something about the words beside them.

const words = (list: string): ReadonlySet<string> => new Set(list.split(/\s+/));

/** Written by manufacturers beside their own name. */
const machineWords = words(`
  WHEEL LOADER LOADERS EXCAVATOR EXCAVATORS DOZER BULLDOZER GRADER DUMPER TRUCK BACKHOE TELEHANDLER
  ROLLER SERIES MODEL TYPE TYP HYBRID ELECTRIC ECO PLUS SUPER COMPACT NEXT GEN TURBO POWER MADE
  CONSTRUCTION EQUIPMENT MACHINERY MACHINES CORPORATION INC GMBH SERIAL NUMBER PIN YEAR MASS WEIGHT
  HYDRAULIC CRAWLER ARTICULATED INTELLIGENT CONTROL GRADE LTD CO AB KG USA JAPAN GERMANY SWEDEN`);

const companyWords = words(`
  HIRE RENTAL RENTALS RENT LEASING LTD LIMITED PLC GMBH AG KG INC LLC CORP BV NV SRL SPA SARL ASA OY
  DEALER DEALERS SALES SERVICE SERVICES PARTS PLANT GROUP SONS BROS BROTHERS CONTRACTORS CONTRACTOR
  CONTRACTING GROUNDWORKS EARTHWORKS EARTHMOVING DEMOLITION EXCAVATING EXCAVATION HAULAGE QUARRY
  QUARRIES AGGREGATES CIVILS ENGINEERING TRANSPORT LOGISTICS VERMIETUNG MIETPARK MIETSERVICE
  BAUMASCHINEN TIEFBAU ABBRUCH ERDBAU BAU MASCHINEN ENTREPRENOR ENTREPRENØR MASKIN UDLEJNING
  VERHUUR LOCATION ALQUILER NOLEGGIO TRACTOR TRACTORS STORE COMPANY CONSULTING SCALE STUDY`);

const dealers = words(`
  ZEPPELIN FINNING PON HESSELBERG RAMIRENT CRAMO BOELS LOXAM SUNBELT HERC KILOUTOU AVESCO BERGERAT
  MONNOYEUR TOROMONT WAGNER HOLT HAWTHORNE ZIEGLER AGGREKO HSS SPEEDY FLANNERY LYNCH MATEKO KUHN
  SWECON VOLVOCE RENTA PEHRSON STANGELAND GAP BRANDT STRONGCO WAJAX SMS ROMCO EMPIRE FABICK ALTORFER
  THOMPSON CARTER WESTRAC HASTINGS BARLOWORLD EQSTRA UNATRAC PAPPADOPOULOS SCANDINAVIAN BEUTLHAUSER
  HKL KLICKRENT ADAMCO ATLASRENT NASTA ROSENDAL LECTURA MASCUS RITCHIE EUROAUCTIONS`);

const labelWords = words(`
  FLEET UNIT NO NR NUM NUMBER ASSET PLANT REF REG INV S/N SN SER SERIAL PIN VIN ID TRUCK MACHINE GATE
  LOT BAY EXIT ROUTE ZONE HALL CHANNEL CH UHF CALL TEL FAX MOB PHONE MOBILE FLOTTE GERAETE MASKINNR
  # NO. NR. N°`);

/** Printed by agencies across photographs, with the picture's number. */
const agencies = words(`
  ALAMY GETTY GETTYIMAGES ISTOCK ISTOCKPHOTO SHUTTERSTOCK DREAMSTIME DEPOSITPHOTOS ADOBESTOCK 123RF
  VECTORSTOCK BIGSTOCK FOTOLIA AVALON PICTURE ALLIANCE FREEPIK PNGTREE VECTEEZY STOCKPHOTO`);

/** Beside a maker's name: the maker of the engine, not of the machine. */
const engineWords = words(`
  ENGINE ENGINES DIESEL MOTOR MOTORS MOTEUR MOTEURS POWERED PENTA POWERTECH ACERT TURBODIESEL`);

const standardWords = words(`
  CE TIER STAGE STUFE EURO LWA ISO EN DIN SAE EPA API ROPS FOPS MAX MIN SWL WLL GVW LOAD CAPACITY
  LIMIT SPEED PRESSURE VOLT DANGER CAUTION WARNING`);

const brandWords = new Set(
  catalogue.flatMap((brand) => spellings(brand)).flatMap((spelling) => spelling.split(" ")),
);

export const isCompanyWord = (plain: string): boolean => companyWords.has(plain);
export const isDealer = (plain: string): boolean => dealers.has(plain);
export const isLabelWord = (plain: string): boolean => labelWords.has(plain);
export const isAgency = (plain: string): boolean =>
  agencies.has(plain.replace(/[^A-Z\d]/g, "")) ||
  /^(?:WWW\.)?ALAMY|GETTYIMAGES|^IMAGEID/.test(plain);
export const isEngineWord = (plain: string): boolean => engineWords.has(plain);
/** Ordinary words that make up most of a brand's name. */
const ownWords = words("DRESS SUMI HITA");

export const isWordOfItsOwn = (plain: string): boolean => ownWords.has(plain);
export const isStandardWord = (plain: string): boolean => standardWords.has(plain);

/** A word that is neither part of a brand nor written by manufacturers beside their name. */
export function isForeignWord({
  plain,
  confidence,
}: {
  plain: string;
  confidence: number;
}): boolean {
  if (!/^\p{L}{2,}$/u.test(plain) || confidence < 0.5) return false;
  if (plain.length === 2 && !/^(?:IN|OF|ON|NO|TO|IS|BY|AT|MY|BE)$/.test(plain)) return false;
  return !brandWords.has(plain) && !machineWords.has(plain);
}
