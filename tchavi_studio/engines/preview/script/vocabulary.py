"""The words the preview engine understands: one table for each field, in English and in French.

A row is `meaning: English words | French words`; indented lines go on with it. To teach the engine a word, add it to
its row. Marks at the end of a word add its forms:

    boat+     a noun with its plural (French: bateau+, and an adjective with its plural)
    walk~     an English verb with -s, -ing and -ed; a French verb in -er with its forms: marcher~
    vert*     a French adjective with its feminine and plurals

Phrases may have several words; the longest match wins. Capitals, hyphens and apostrophes don't matter, and accents may
be left out where no other word is meant. `AMBIGUOUS` holds the words that mean something else in the other language.
"""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


SIZES = """
aerial: aerial, aerial shot, aerial view, bird's eye, bird's eye view, from above, top down, overhead | vue
    aérienne, plan aérien, aérien*, vu du ciel, vue du ciel, vue d'en haut, plongée totale
wide: wide, wide shot, wide angle, long shot, establishing shot, panorama, vista, full shot, full body | plan large,
    plan d'ensemble, plan général, grand angle, plan moyen large, plan pied, en pied
medium: medium shot, mid shot, medium, waist up, cowboy shot | plan moyen, plan américain, plan taille, mi-corps
over the shoulder: over the shoulder, over his shoulder, over her shoulder, over shoulder | par-dessus l'épaule, par
    dessus son épaule, par-dessus son épaule, plan épaule
close-up: close up, closeup, close-up of, close shot, portrait, headshot, tight shot, face | gros plan, plan serré,
    plan rapproché, portrait, visage+
macro: macro, extreme close up, macro shot, detail shot, insert shot | macro, très gros plan, macro photographie,
    plan de détail, insert
"""

CAMERA = """
static: static, static shot, static camera, locked off, locked shot, still camera, fixed camera, tripod | plan fixe,
    caméra fixe, fixe, statique, sur trépied, immobile
pan: pan, pans, panning, camera pans, camera turns | panoramique, panoramique horizontal, la caméra pivote, pano
tilt: tilt, tilts, tilting, camera tilts | panoramique vertical, la caméra bascule, basculement, bascule
dolly in: push in, pushes in, pushing in, dolly, dolly in, dollies in, camera moves in, moves closer, move closer,
    camera approaches, track in, camera pushes | travelling avant, la caméra s'approche, la caméra
    avance, la caméra se rapproche, avancée, rapprochement
dolly out: pull back, pulls back, pulling back, pull out, pulls out, dolly out, dolly back, dollies out, camera
    moves back, camera retreats, track out | travelling arrière, la caméra recule, la caméra s'éloigne, recul
truck: truck shot, trucking shot, camera trucks, trucking, lateral move, slide, camera slides, slider, sideways move,
    drift along, drifts along, glides along, camera glides | travelling latéral, travelling, la caméra glisse,
    glissement latéral
truck left: truck left, trucks left, camera trucks left, tracking left, slide left, slides left | travelling gauche
truck right: truck right, trucks right, camera trucks right, tracking right, slide right, slides right | travelling
    droit, travelling droite
zoom in: zoom, zoom in, zooms in, zooming in, zooms, crash zoom | zoom, zoom avant, zoome, zoomer
zoom out: zoom out, zooms out, zooming out | zoom arrière, dézoom, dézoome, zoom out
orbit: orbit, orbits, orbiting, orbit shot, camera circles, circles around, camera rotates around, arc shot, 360,
    turntable | orbite, la caméra tourne autour, tourne autour, plan circulaire, mouvement circulaire
crane up: crane, crane up, cranes up, crane shot, boom up, pedestal up, jib up, camera rises, camera lifts | grue,
    plan à la grue, mouvement de grue, la caméra s'élève, la caméra monte
crane down: crane down, cranes down, boom down, pedestal down, jib down, camera descends, camera lowers | grue vers
    le bas, la caméra descend, descente de grue
handheld: handheld, hand held, shaky, shaky cam, documentary style | caméra à l'épaule, caméra portée, à main levée,
    tremblant*
drone in: drone, drone shot, drone forward, drone flies, drone flies over, flyover, camera flies over, fpv, drone
    footage | drone, survol, vue de drone, plan de drone, drone avant, en drone
drone out: drone backward, drone backwards, drone back, drone flies back, drone flies backward, drone flies
    backwards, drone pulls back, drone flies away | drone arrière, drone recule, drone en arrière, le drone recule,
    drone vers l'arrière
camera: camera | caméra
follow: follow shot, tracking shot, following shot, camera follows, camera tracks, steadicam, tracking | plan suivi,
    la caméra suit, travelling d'accompagnement, travelling suivi, steadicam, en suivant
"""

DIRECTIONS = """
left: left, leftward, leftwards, right to left | gauche, à gauche, vers la gauche, de droite à gauche
right: right, rightward, rightwards, left to right | droite, à droite, vers la droite, de gauche à droite
up: up, upward, upwards | vers le haut, en montant
down: down, downward, downwards | vers le bas, en descendant
in: inward, inwards, forward, forwards, closer | en avant, vers l'avant, plus près
out: outward, outwards, back, backward, backwards, away | arrière, en arrière, vers l'arrière, à reculons
"""

SPEEDS = """
slow: slow, slowly, gentle, gently, slow motion, slo mo, gradual, gradually, smooth, smoothly, leisurely, softly |
    lent*, lentement, doucement, au ralenti, ralenti, progressivement, tranquillement
fast: fast, quick, quickly, rapid, rapidly, swift, swiftly, whip, sudden, suddenly, speeding, full speed | rapide+,
    rapidement, vite, soudain, brusque, brusquement, à toute vitesse, à toute allure
"""

TIMES = """
dawn: dawn, daybreak, first light, sunrise, early morning | aube, à l'aube, lever du soleil, lever de soleil, point
    du jour, petit matin, aurore
morning: morning, mornings | matin, matinée, le matin
day: day, daylight, noon, midday, sunny, sunshine, sunlight, afternoon, bright sun, blue sky | jour, plein jour,
    midi, ensoleillé*, plein soleil, soleil de midi, après-midi, ciel bleu, lumière du jour
golden hour: golden hour, golden light, late afternoon, low sun, warm evening light | heure dorée, lumière dorée,
    fin d'après-midi, soleil rasant, soleil bas
sunset: sunset, sundown, setting sun, evening, evening light | coucher de soleil, coucher du soleil, soleil
    couchant, soir, soirée, le soir
dusk: dusk, twilight, blue hour, nightfall | crépuscule, heure bleue, tombée de la nuit, entre chien et loup
night: night, nighttime, dark, in the dark, at night, by night, midnight, nocturnal, moonlight, moonlit, starry,
    stars, under the stars, moon | nuit, de nuit, minuit, nocturne+, clair de lune, étoilé*, étoiles, sous les étoiles,
    au clair de lune, lune
"""

LIGHTS = """
candlelight: candlelight, candlelit, by candlelight, firelight, lamplight, campfire, bonfire | lumière de bougie, à
    la bougie, aux chandelles, lueur du feu, feu de camp, lampe à pétrole
neon: neon, neons, neon light, neon lights, neon lit, cyberpunk | néon+, enseigne lumineuse, enseignes lumineuses,
    cyberpunk
studio: studio light, studio lighting, studio lit, softbox, softboxes, rim light, high key | lumière de studio,
    éclairage de studio, éclairage studio, boîte à lumière
backlight: backlit, backlight, backlighting, silhouette, silhouetted, against the light | contre-jour, à
    contre-jour, rétroéclairé*, silhouette+
"""

WEATHERS = """
rain: rain, rains, raining, rainy, drizzle, downpour, monsoon, in the rain, rain falls | pluie+, il pleut, pleut,
    pluvieux, pluvieuse, averse+, bruine, mousson, sous la pluie
storm: storm+, stormy, thunderstorm, lightning, thunder, tempest, hurricane | orage+, orageux, orageuse, tempête+,
    éclair+, tonnerre, foudre
snow: snow, snowy, snowing, snowfall, snowflake+, blizzard, snow falls | neige, il neige, enneigé*, flocon+,
    blizzard, neigeux
fog: fog, foggy, mist, misty, haze, hazy, smoky, smoke | brouillard, brume+, brumeux, brumeuse, fumée
wind: wind, windy, breeze, gust+, gale, in the wind | vent+, venteux, venteuse, brise, bourrasque+, au vent, dans le
    vent
dust: dust, dusty, sandstorm, harmattan, dust storm, dust devil | poussière, poussiéreux, poussiéreuse, tempête de
    sable, harmattan
clouds: cloud+, cloudy, overcast, grey sky | nuage+, nuageux, nuageuse, ciel couvert, ciel gris
embers: embers, ember, sparks, fire, flames, flame | braises, étincelle+, feu, flamme+, incendie
petals: petal+, cherry blossom+, confetti | pétale+, confettis
leaves: falling leaves, autumn leaves, leaves fall, leaves falling | feuilles mortes, feuilles d'automne
steam: steam, steaming, steam rising, rising steam | vapeur, fumant*
fireflies: firefly, fireflies | luciole+
"""

SETTINGS = """
sea: sea, ocean, open sea, rough sea, harsh sea, high seas, seascape, waves, wave, surf | mer, mer agitée, océan,
    large, haute mer, pleine mer, vague+, au large
beach: beach+, shore, seashore, coast, coastline, sandy shore, seaside | plage+, rivage, bord de mer, côte, littoral
lagoon: lagoon, bay, mangrove+, atoll, stilt houses, harbour, harbor, port, pier, dock | lagune+, lagon, baie,
    mangrove+, cité lacustre, maisons sur pilotis, port, quai
river: river+, stream, riverbank, creek, waterfall+, brook | rivière+, fleuve+, ruisseau, cascade+, chute d'eau,
    berge
lake: lake+, pond | lac+, étang
desert: desert, dune+, sahara, sand dunes, oasis | désert, dune+, sahara, oasis
savanna: savanna, savannah, safari, bush, african plain | savane, safari, brousse
forest: forest+, woods, woodland, jungle, rainforest, grove, clearing, trees, undergrowth | forêt+, bois, jungle,
    sous-bois, clairière, arbres
field: field+, meadow+, farm, prairie, pasture, countryside, grassland, garden+, park, vineyard, wheat, lawn |
    champ+, prairie+, ferme, pâturage, campagne, jardin+, parc, vigne+, blé, pelouse
mountain: mountain+, peak+, cliff+, valley, alps, ridge, hill+, summit, canyon | montagne+, pic, sommet+, falaise+,
    vallée, alpes, colline+, canyon
snowfield: glacier, ice, arctic, tundra, frozen lake, snowfield, polar, antarctica, ski slope | glacier, banquise,
    arctique, toundra, lac gelé, polaire, piste de ski
village: village+, mountain village, fishing village, village square, hut+, hamlet, mud houses, compound | village+,
    village de montagne, village de pêcheurs, case+, hameau, hutte+, concession
street: street+, bus stop, playground, schoolyard, alley, sidewalk, pavement, neighbourhood, neighborhood,
    crosswalk, courtyard, square,
    plaza | rue+, arrêt de bus, cour de l'école, cour d'école, ruelle, trottoir, quartier, passage piéton, place
    publique
city: city, cities, skyline, downtown, skyscraper+, metropolis, rooftop+, lagos, tokyo, new york, abidjan, dakar,
    paris, london, shanghai, urban | ville+, centre-ville, gratte-ciel, métropole, toit+, lagos, tokyo, new york,
    abidjan, dakar, paris, londres, cotonou, urbain*
market: market+, street market, bazaar, market stall, market stalls, stall, stalls, souk, fair | marché+, étal,
    étals, bazar, souk, foire, étalage
road: road+, highway, motorway, freeway, racetrack, race track, track, dirt road, bridge, train station | route+,
    autoroute, piste, circuit, chemin, pont, gare
interior: living room, room, interior, sofa, couch, armchair, house interior, indoors, apartment, bedroom, bed,
    library, bar, restaurant, cafe, café, window, fireplace, lounge, corridor, hallway | salon, pièce, intérieur,
    canapé, fauteuil, à l'intérieur, appartement, chambre, lit, bibliothèque, bar, restaurant, café, fenêtre,
    cheminée, couloir, maison de nuit
kitchen: kitchen, stove, countertop, kitchen counter | cuisine, fourneau, cuisinière, plan de travail
studio: studio, tabletop, table top, table, seamless, plain background, white background, black background,
    pedestal, podium, marble, product shot, packshot, velvet | studio, table, sur une table, fond uni, fond blanc,
    fond noir, socle, podium, marbre, velours, packshot
office: office+, desk, meeting room, workplace, classroom, school, laboratory, lab, blackboard | bureau, bureaux,
    salle de réunion, salle de classe, école, classe, laboratoire, tableau noir
stage: stage, concert, theatre, theater, spotlight+, nightclub, club, opera, podium stage, show | scène, concert,
    théâtre, projecteur+, boîte de nuit, opéra, spectacle
stadium: stadium, football stadium, arena, football pitch, pitch, soccer field, football field, match, goal,
    goalposts | stade, arène, terrain de football, terrain de foot, match, but, pelouse du stade
sky: sky, skies, above the clouds, in the air, heavens | ciel, au-dessus des nuages, dans les airs, dans le ciel
space: space, outer space, galaxy, nebula, cosmos, planet+, orbit around earth, moon surface, lunar surface, mars,
    earth from space, universe | espace, galaxie, nébuleuse, cosmos, planète+, surface lunaire, sur la lune, mars,
    univers
underwater: underwater, under water, coral reef, reef, seabed, deep sea, under the sea, ocean floor | sous l'eau,
    sous-marin*, récif, récif corallien, fond marin, fonds marins, sous la mer, corail
abstract: abstract, particles, geometric, shapes, pattern+, gradient, kaleidoscope, liquid, fluid | abstrait*,
    particules, géométrique+, formes, motif+, dégradé, kaléidoscope, liquide, fluide
"""

SUBJECTS = """
man: man, men, guy, gentleman, father, husband, king, fisherman, farmer, driver, chef, soldier, boxer, hero, actor,
    vendor, tailor, fishermen, worker, teacher, doctor, barista, runner, footballer, football player, player,
    athlete, person, someone, traveller, traveler, hiker | homme+, monsieur, type, père, mari, roi,
    pêcheur+, fermier, chauffeur, chef, cuisinier, soldat, boxeur, héros, acteur, vendeur, tailleur, ouvrier,
    professeur, médecin, coureur, footballeur, joueur, athlète, personne, quelqu'un, voyageur, randonneur
woman: woman, women, lady, mother, wife, queen, bride, actress, heroine, seller, market woman,
    businesswoman, seamstress, nurse, model | femme+, dame+, mère, épouse, reine, mariée, actrice,
    héroïne, vendeuse+, couturière, infirmière, mannequin
child: child, children, kid+, boy+, girl+, son, daughter, baby, toddler, schoolchildren, little girl, little boy |
    enfant+, gamin+, garçon+, fille+, fils, bébé+, fillette+, écolier+, petite fille, petit garçon
elder: old man, old woman, elder+, elderly, grandmother, grandfather, storyteller, griot | vieil homme, vieille
    femme, vieillard, ancien+, grand-mère, grand-père, conteur, griot, vieux
dancer: dancer+, ballerina+ | danseur+, danseuse+, ballerine+
musician: musician+, singer+, guitarist, drummer, band, dj, kora player | musicien+, chanteur+, chanteuse+,
    guitariste, batteur, orchestre, joueur de kora
couple: couple, lovers, two people, friends, two friends, sisters, brothers | couple, amoureux, deux personnes,
    amis, amies, deux amis, soeurs, frères
crowd: crowd+, people, audience, fans, spectators, passersby, pedestrians, villagers, protesters, shoppers, family |
    foule+, gens, public, supporters, spectateurs, passants, piétons, villageois, manifestants, famille
astronaut: astronaut+, cosmonaut, spaceman | astronaute+, cosmonaute+
robot: robot+, android, cyborg | robot+, androïde
cat: cat+, kitten+, kitty | chat+, chaton+, chatte
dog: dog+, puppy, puppies, hound, wolf, wolves, fox | chien+, chiot+, chienne, loup+, renard
horse: horse+, stallion, pony, mare, zebra+, donkey+, camel+ | cheval, chevaux, étalon, poney, jument, zèbre+, âne+,
    chameau, dromadaire+
cheetah: cheetah+, leopard+, jaguar+, panther+ | guépard+, léopard+, jaguar+, panthère+
lion: lion+, lioness | lion+, lionne+
tiger: tiger+ | tigre+
elephant: elephant+, rhino, hippo | éléphant+, rhinocéros, hippopotame
giraffe: giraffe+ | girafe+
cow: cow+, cattle, bull+, buffalo, ox, oxen, goat+, sheep, antelope+, gazelle+, deer | vache+, boeuf+, zébu+,
    taureau, buffle+, chèvre+, mouton+, antilope+, gazelle+, cerf, biche
hare: hare+, rabbit+, bunny, mouse, squirrel | lièvre+, lapin+, souris, écureuil
bird: bird+, eagle, seagull+, gull+, heron, pigeon+, parrot, flock of birds, crane bird, swallow+, owl, dove+ |
    oiseau+, aigle+, mouette+, goéland+, héron+, pigeon+, perroquet, hirondelle+, hibou, colombe+
chicken: chicken+, hen, rooster | poule+, coq, poulet+
fish: fish, fishes, school of fish | poisson+, banc de poissons
whale: whale+, dolphin+, shark+ | baleine+, dauphin+, requin+
turtle: turtle+ | tortue+
jellyfish: jellyfish | méduse+
butterfly: butterfly, butterflies, bee+, dragonfly, insect+ | papillon+, abeille+, libellule+, insecte+
car: car+, sports car, taxi+, sedan, suv, jeep | voiture+, taxi+, berline, bolide, auto, jeep, 4x4
bus: bus, buses, minibus, danfo, van, truck+, lorry | bus, autobus, minibus, gbaka, camion+, camionnette, car rapide
motorbike: motorbike+, motorbike taxi+, moto taxi+, motorcycle+, moto, okada, scooter, zemidjan | moto+, scooter+,
    motard, zémidjan
bicycle: bicycle+, bike+, cyclist+ | vélo+, bicyclette+, cycliste+
train: train+, locomotive, subway, metro, tram | train+, locomotive, métro, tramway
plane: plane+, airplane+, airliner+, aeroplane, aircraft, jet, helicopter | avion+, jet, hélicoptère
rocket: rocket+, spaceship, spacecraft, space shuttle, satellite, ufo | fusée+, vaisseau spatial, vaisseau, navette,
    satellite, soucoupe
boat: boat+, canoe+, pirogue+, fishing boat, rowboat, kayak | bateau+, pirogue+, barque+, canoë, kayak
sailboat: sailboat+, sailing boat, yacht | voilier+, voile blanche, yacht
ship: ship+, freighter, cargo ship, ferry, container ship | navire+, cargo, paquebot, ferry, porte-conteneurs
perfume: perfume, perfume bottle, fragrance, cologne | parfum+, flacon+, flacon de parfum, eau de toilette
bottle: bottle+, wine, champagne, soda, beer | bouteille+, vin, champagne, soda, bière
cup: cup+, mug, coffee, tea, espresso, latte, teapot, cup of coffee, cup of tea | tasse+, mug, café chaud, thé,
    expresso, théière, tasse de café, tasse de thé, un café
phone: phone+, smartphone+, tablet, laptop, computer, screen | téléphone+, smartphone+, tablette, ordinateur, écran
watch: wristwatch, a watch, luxury watch, the watch, clock, pocket watch | montre, une montre, horloge, pendule
shoe: shoe+, sneaker+, boot, boots, heel | chaussure+, basket, baskets, bottes, talon
book: book+, notebook, letter, newspaper | livre+, cahier, lettre, journal
fruit: fruit, fruits, apple+, orange fruit, mango, mangoes, banana+, lemon+, strawberry, strawberries, tomato,
    tomatoes, pineapple+, oranges | fruit+, pomme+, mangue+, banane+, citron+, fraise+, tomate+, ananas, une orange,
    oranges
bread: bread, loaf, baguette, croissant+, pizza | pain, baguette+, croissant+, pizza
cake: cake+, cupcake, dessert, birthday cake, ice cream | gâteau+, dessert, gâteau d'anniversaire, glace
bowl: bowl+, soup, rice, jollof, noodles, dish, salad, ramen, pot, stew, plate of food, food | bol+, soupe, riz,
    attiéké, nouilles, plat, salade, marmite, ragoût, casserole, repas
burger: burger+, hamburger+, sandwich | burger+, hamburger+, sandwich
flower: flower+, rose+, tulip+, sunflower+, bouquet, lily, orchid, blossom+ | fleur+, une rose, roses rouges,
    tulipe+, tournesol+, bouquet, lys, orchidée+
tree: tree, baobab+, palm tree+, palm, oak, acacia+, bonsai, pine | arbre, baobab+, palmier+, cocotier+, chêne,
    acacia+, bonsaï, pin, fromager
house: house+, home, cabin, cottage, villa, building+, castle, palace, church, mosque, temple | maison+, cabane,
    villa, immeuble+, château, palais, église, mosquée, temple
tower: tower+, lighthouse, monument, statue, eiffel tower, pyramid+ | tour+, phare, monument, statue, tour eiffel,
    pyramide+
logo: logo+, text, title, letters, typography, brand name, words | logo+, texte, titre, lettres, typographie, nom de
    marque, mots
ink: ink, drop of ink, ink drop, paint splash, smoke trails, swirl of colour | encre, goutte d'encre, peinture,
    encres, éclaboussure, volutes
balloon: balloon+, hot air balloon+, kite+, lantern+, sky lantern+ | ballon de baudruche, montgolfière+,
    cerf-volant, lanterne+
ball: ball, football, soccer ball, basketball | ballon+, balle, ballon de foot
candle: candle+, lamp, lightbulb, torch | bougie+, lampe, ampoule, chandelle
umbrella: umbrella+, parasol+ | parapluie+, parasol+, ombrelle+
ring: ring, diamond+, jewel+, jewelry, necklace, crown | bague+, diamant+, bijou, bijoux, collier, couronne
drum: drum+, djembe, kora, guitar, piano, instrument | tambour+, djembé, kora, guitare, piano, instrument
"""

COUNTS = """
2: two, pair, a pair of, both | deux, une paire de
3: three, a few, several, some | trois, quelques, plusieurs
4: four | quatre
5: five | cinq
6: six | six
7: seven, eight, nine, ten, dozen, dozens, many, herd, herd of, flock, flock of, group, group of, hundreds,
    thousands, school of, pack of | sept, huit, neuf, dix, douzaine, troupeau, troupeau de, volée, groupe, groupe
    de, centaines, milliers, banc de, meute, nuée
"""

ACTIONS = """
stand: stand~, stands, waits, waiting, wait, poses, posing, standing | debout, attend, attendent, attendant, pose,
    posent
walk: walk~, stroll~, wander~, step~, march~, marches, approaches, crosses, crossing, arrives, leaves, hiking |
    marcher~, se promener~, promène, avancer~, avance, traverse, traversent, traverser, arrive, s'éloigne,
    s'approche
run: run, runs, running, ran, sprint~, chase~, race~, gallop~, jogging, rushes, rush | court, courent, courir,
    courant à, en courant, galoper~, foncer~, fonce, poursuit, sprinte
jump: jump~, leap~, hop~, hops, hopping, bounces, bouncing, skip | sauter~, saute, bondir, bondit, bondissent,
    bondissant
turn: turn~, turns around, looks back, looking back, spin~, spinning, spins, rotate~, rotates, rotating, whirl~,
    swirl~, twirl~ | tourner~, se retourner, se retourne, pivoter~, tournoyer, tournoie, tourbillonner~
dance: dance~, dancing | danser~, dansant
fly: fly, flies, flying, flew, soar~, glide~, hover~, take off, takes off, landing, lands | voler~, vole, s'envoler,
    s'envole, s'envolent, planer~, plane, décoller~, décolle, atterrit
fall: fall, falls, falling, fell, drop~, drops, tumble~, collapses, sinks | tomber~, tombe, chuter~, s'effondre,
    s'écroule
rise: rise, rises, rising, lift~, lift off, lifts off, emerges, climbing, climb~, grow~, grows, blooms, blooming,
    launch~ | s'élever, s'élève, monter~, monte, grimper~, pousse, pousser, émerge, éclot, fleurit
float: float~, drift~, drifting, bob~, bobs | flotter~, flotte, dériver~, dérive
swim: swim, swims, swimming, dive~, dives | nager~, nage, plonger~, plonge, nageant
pour: pour~, spill~, drip~, drips, splash, splashes | verser~, verse, couler~, coule, goutter~, éclabousser~
open: open~, unfold~, reveal~, unbox~ | ouvrir, ouvre, ouvrent, s'ouvre, s'ouvrent, dévoiler~, déplier~
speak: speak~, say~, says, said, talk~, whisper~, shout~, tell~, tells, asks, answers, replies, laugh~, sing~,
    sings, singing, cries out, calls | parler~, parle, dit, disent, chuchoter~, crier~, crie, raconter~, raconte,
    demande, répond, rire, rit, rient, chanter~, chante
sit: sit, sits, sitting, seated, rest~, meditate~, kneels, crouches | assis*, s'assoit, s'assied, repose, se
    reposer, méditer~, à genoux, accroupi
sleep: sleep~, sleeps, asleep, lying, lies, nap~, napping, dozing, lounging, lounges, curls up | dormir, dort,
    dorment, endormi*, allongé*, couché*, sommeille, sieste, dormant
eat: eat~, taste~, bite~, drink~, drinks, sip~, chew~ | manger~, mange, goûter~, croquer~, boire, boit, déguster~,
    siroter~
drive: drive~, drives, driving, ride~, rides, riding, speeds, racing past, pass, passes, passing, cycling, sail~,
    sailing, rowing, paddles, paddling | rouler~, roule, conduire, conduit, filer~, file, passe, passent, naviguer~,
    navigue, ramer~, rame, pagayer~
play: play~, plays, playing, drumming, strum~, kicks, kick, juggling | jouer~, joue, jongler~, frapper~
work: work~, type~, typing, write~, writing, cook~, cooking, stir~, chop~, sew~, sews, paint~, painting, cut~, cuts,
    sell~, sells, selling, reads, reading, fishing | travailler~, travaille, taper~, écrire, écrit, cuisiner,
    cuisinent, cuisinant, remuer~, coudre, coud, peindre, peint, couper~, vendre, vend, vendent, lit un, lisant,
    pêche, pêcher
wave: waving, waves her hand, waves his hand, waves hello, waves goodbye, greets, greeting | saluer~, salue, fait
    signe, agite la main
hug: hug~, hugs, hugging, kiss~, embrace~, hold hands, holding hands, shake hands | enlacer~, embrasser~,
    s'embrassent, s'enlacent, se tiennent la main, serre la main
smile: smile~, smiling, look at, looks, gazing, gaze~, stares, blinks, opens her eyes, opens his eyes | sourire,
    sourit, sourient, souriant*, regarder~, regarde, cligne, ouvre les yeux
"""

MOODS = """
calm: calm, peaceful, serene, quiet, tranquil, soothing, meditative, cozy, cosy | calme+, paisible+, serein*,
    tranquille+, apaisant*, méditatif, douillet
joyful: joyful, happy, cheerful, festive, fun, playful, celebration, whimsical, party | joyeux, joyeuse, gai*,
    heureux, heureuse, festif, festive, fête, amusant*, espiègle
sad: sad, melancholic, melancholy, lonely, sorrowful, somber, grief, tears | triste+, mélancolique+, seul, seule,
    solitaire, sombre+, chagrin, larme+
tense: tense, suspense, suspenseful, thriller, dramatic, danger, dangerous, noir, gritty | tendu*, suspense,
    thriller, dramatique+, danger, dangereux, film noir, haletant*
epic: epic, heroic, majestic, grand, cinematic, powerful, monumental, triumphant | épique+, héroïque+, majestueux,
    majestueuse, grandiose, cinématographique, puissant*, monumental*, triomphal*
romantic: romantic, love, tender, intimate, sensual, elegant, luxury, luxurious | romantique+, amour, tendre,
    intime, sensuel, élégant*, luxe, luxueux, luxueuse
mysterious: mysterious, eerie, spooky, haunting, magical, mystical, enigmatic, horror, ghostly | mystérieux,
    mystérieuse, étrange+, inquiétant*, magique+, mystique+, énigmatique, horreur, fantomatique
dreamy: dreamy, dreamlike, nostalgic, surreal, ethereal, poetic, memory, vintage | onirique, rêveur, nostalgique+,
    surréaliste, éthéré*, poétique+, souvenir, rétro
energetic: energetic, dynamic, vibrant, bustling, busy, lively, intense, action packed, wild, explosive | énergique,
    dynamique, vibrant*, animé*, vif, vive, intense, bondé*, explosif
"""

COLOURS = """
red: red, crimson, scarlet, ruby | rouge+, écarlate, carmin, rubis
orange: orange, amber, copper, terracotta, ochre | orange, ambre, ambré*, cuivré*, terre cuite, ocre
yellow: yellow, mustard, lemon yellow | jaune+, moutarde
gold: gold, golden | or, doré*
green: green, emerald, olive, lime, moss | vert*, émeraude, olive
teal: teal, turquoise, cyan, aqua, mint | turquoise, cyan, bleu vert, menthe
blue: blue, azure, indigo, navy, cobalt, sapphire | bleu*, azur, indigo, marine, cobalt, saphir
purple: purple, violet, lavender, mauve, magenta | violet, violette, lavande, mauve, magenta, pourpre
pink: pink, rose pink, coral pink, fuchsia, blush | rose, fuchsia, rose pâle
brown: brown, chocolate, sepia, tan, beige | brun*, marron, chocolat, sépia, beige
black: black, ebony, jet black | noir*, ébène
white: white, ivory, cream, pearl | blanc, blancs, blanche, blanches, ivoire, crème, nacré*
grey: grey, gray, silver, silvery | gris*, argent, argenté*
pastel: pastel, pastels, soft colours, soft colors | pastel, couleurs douces
monochrome: black and white, monochrome, greyscale | noir et blanc, monochrome
warm: warm, warm tones, warm light, warm colours | chaud*, tons chauds, lumière chaude
cold: cold, cool tones, cold light, icy, cool | froid*, tons froids, lumière froide, glacé*
vivid: vivid, colourful, colorful, saturated, bright colours, bright colors | coloré*, multicolore+, saturé*,
    couleurs vives
"""

SOUNDS = """
music: music, soundtrack, song, melody, score, tune | musique, chanson, mélodie, air de musique
piano: piano music, soft piano, piano melody | musique de piano, piano doux, au piano
drums: drumming music, drum music, percussion, djembe rhythm, drumbeat, beat | percussions, rythme de djembé, rythme
strings: strings, violin+, orchestra, orchestral, cello | cordes, violon+, orchestral*, violoncelle
electronic: electronic music, synth, synthwave, techno, afrobeats, hip hop, bass | musique électronique, synthé,
    techno, afrobeat, hip-hop, basse
guitar: guitar music, acoustic guitar, highlife, kora music | guitare acoustique, musique de kora, son de kora
waves: sound of waves, waves crashing, crashing waves, ocean sounds | bruit des vagues, son des vagues, ressac
rain: sound of rain, rain sounds, pattering | bruit de la pluie, son de la pluie
wind: sound of wind, wind howls, howling, rustling, rustle | bruit du vent, vent qui souffle, bruissement
thunder: thunder rolls, thunderclap, rumble | coup de tonnerre, grondement
birds: birdsong, birds sing, birds chirp, chirping, birds singing | chant des oiseaux, oiseaux chantent, gazouillis
crickets: crickets, cicadas, insects hum | grillons, cigales
engine: engine, engine roar, roar, motor, engines, vrooming | moteur+, vrombissement, rugissement
crowd: murmur, chatter, crowd noise, cheering, hubbub, voices | murmure+, brouhaha, clameur, voix, rumeur de la
    foule
footsteps: footsteps, steps echo, heels click | bruit de pas, pas qui résonnent
applause: applause, clapping, ovation | applaudissements, ovation
bells: bell, bells, chime, chimes | cloche+, carillon
horn: horn, horns, honking, honk, siren+ | klaxon+, klaxons, sirène+
fire: crackling, crackling fire, fire crackles | crépitement, crépite
heartbeat: heartbeat, heart beats | battement de coeur, battements de coeur
water: dripping, trickling, splashing, babbling | clapotis, goutte à goutte, ruissellement
silence: silence, silent, no sound, without sound, mute | silence, silencieux, silencieuse, sans son, muet
no music: no music, without music | sans musique, pas de musique
"""

CUTS = """
cut: then, cut to, next, after that, suddenly we see, jump cut to, smash cut, shot 1, shot 2, shot 3, shot 4, shot
    5, scene 1, scene 2, scene 3, final shot, finally, next shot, dissolve to, fade to | puis, ensuite, coupe sur,
    on coupe sur, après quoi, plan suivant, plan 1, plan 2, plan 3, plan 4, plan 5, scène 1, scène 2, scène 3,
    enfin, fondu sur, dernier plan, coupe franche
"""

AMBIGUOUS = _words("""
    air ancien balle bar basse bed bois bol bras brise bush but car case cases champ champs chat coq cordes cour court
    dame date dit entre fall fan ferme figure file fin fixe fly four fun gai gens glace grue lac large lettre lit livre
    loup main mer mime monte montre nage note on or pain pair parc passe phare pic pin plat plume pond pont port pose
    posent pot pousse recul rit rouler sale set sit six sol son talon tape ten tombe tour type vent vif vive voile vole
    """)
"""Words of one language that mean something else in the other: they count only in prompts in their own language."""

PRONOUNS = {
    "en": {"he": "man", "his": "man", "him": "man", "she": "woman", "her": "woman"},
    "fr": {"elle": "woman", "elles": "woman", "il": "man", "ils": "man"},
}
"""Whom a pronoun stands for where nobody was named before."""

FUNCTION_WORDS = {
    "en": _words(
        "the a an of and with in on at to is are from over into his her their through by as for under behind while "
        "its it this that he she they we across toward towards up down between near"
    ),
    "fr": _words(
        "le la les un une des du de et avec dans sur au aux est sont en d l qui que son sa ses leur par sous vers "
        "pour se s derrière pendant elle il ils elles on à ce cette entre près chez ne pas"
    ),
}
"""Small words that tell the language, and that are no names of things."""

NEGATIONS = {
    "en": ("no", "without", "not", "never", "nor"),
    "fr": ("sans", "aucun", "aucune", "ni", "jamais", "pas"),
}
"""A word right after one of these, or after it and "a", "any" or "de", is not what the prompt asks for."""

PEOPLE = _words("man woman child elder dancer musician couple crowd astronaut robot")
"""Subjects that speak, and that pronouns stand for."""

PLURALS = _words(
    "men women people fishermen children schoolchildren puppies wolves buses cattle oxen sheep deer mice fishes "
    "strawberries tomatoes mangoes butterflies chevaux hiboux"
)
"""Plurals that don't end in a mark's ending, and words that are their own plural."""

SINGULARS = _words(
    "bus autobus cypress princess actress grass glass lys ananas ours bras atlas radis palais souris minibus "
    "skis canvas boss dress chess jazz express stress press mass class kiss moss loss brass repas encens "
    "dos mois bois croix voix prix choix noix houx paix époux heureux vieux cadeaux"
)
"""Words that end like a plural and are none."""

CLOTHES = {
    "en": _words("dress shirt coat jacket suit robe gown scarf hat boubou wrapper sari kimono uniform"),
    "fr": _words("robe chemise manteau veste costume boubou foulard chapeau pagne uniforme jupe tunique"),
}
"""What a colour beside it makes the colour of whoever wears it."""

WEAK_SETTINGS = _words("studio sky abstract")
"""Settings that any other in the same shot displaces: a table may stand in a kitchen."""

THINGS = _words(
    "perfume bottle cup phone watch shoe book fruit bread cake bowl burger flower tree house tower logo candle "
    "umbrella ring drum"
)
"""Subjects that don't act while somebody else in the sentence can."""

JOINING = _words("and with a an the his her two three et avec un une le la les des son sa ses deux trois")
"""Words between subjects that act together: "a man and a dog walk"."""
