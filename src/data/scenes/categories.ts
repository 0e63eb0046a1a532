import type { BackgroundColor } from './colors.js'

/** The ten kinds of things that scenes are made of. */
export const CATEGORIES = [
  'animal',
  'food',
  'drink',
  'vehicle',
  'clothing',
  'building',
  'plant',
  'tool',
  'sport item',
  'musical instrument',
] as const
export type Category = (typeof CATEGORIES)[number]

/** The category as it follows "how many". */
export const CATEGORY_PLURAL: Readonly<Record<Category, string>> = {
  animal: 'animals',
  food: 'food items',
  drink: 'drinks',
  vehicle: 'vehicles',
  clothing: 'pieces of clothing',
  building: 'buildings',
  plant: 'plants',
  tool: 'tools',
  'sport item': 'sport items',
  'musical instrument': 'musical instruments',
}

/** What a scene can hold. */
export interface SceneItem {
  /** The caption of the emoji concept ("red apple"); the key by which a drawing of it is found. */
  label: string
  category: Category
  /** Other words for it or about it (CLDR tags); they keep look-alikes out of one scene. */
  tags: readonly string[]
  /** The grounds that a drawing of it stands out from (default: all). */
  grounds?: readonly BackgroundColor[]
}

/**
 * The concepts that can stand in a scene, with their category, in the order given. The category of a concept is
 * decided by label in the table below and not by CLDR's subgroups, some of which mislead: there "link" is a tool,
 * "shopping bags" are clothing and "teapot" is a drink. Labels have at most two words, and none shows several
 * of what is counted ("houses").
 *
 * @param concepts what may be shown: the caller leaves out held-out concepts and those that too few artists drew
 */
export function sceneItems(concepts: readonly { caption: string; tags: readonly string[] }[]): SceneItem[] {
  return concepts.flatMap(({ caption, tags }) => {
    const category = CATEGORY_OF.get(caption)
    return category === undefined ? [] : [{ label: caption, category, tags }]
  })
}

/** Labels in lower case with plain apostrophes, as `EmojiConcept.caption` has them. */
const LABELS: Readonly<Record<Category, string>> = {
  animal: `monkey face, monkey, gorilla, orangutan, dog face, dog, guide dog, service dog, poodle, wolf, fox, raccoon,
    cat face, cat, black cat, lion, tiger face, tiger, leopard, horse face, moose, donkey, horse, unicorn, zebra, deer,
    bison, cow face, ox, water buffalo, cow, pig face, pig, boar, ram, ewe, goat, camel, two-hump camel, llama, giraffe,
    elephant, mammoth, rhinoceros, hippopotamus, mouse face, mouse, rat, hamster, rabbit face, rabbit, chipmunk, beaver,
    hedgehog, bat, bear, polar bear, koala, panda, sloth, otter, skunk, kangaroo, badger, turkey, chicken, rooster,
    hatching chick, baby chick, bird, penguin, dove, eagle, duck, swan, owl, dodo, flamingo, peacock, parrot, black bird,
    goose, phoenix, frog, crocodile, turtle, lizard, snake, dragon face, dragon, sauropod, t-rex, spouting whale, whale,
    dolphin, orca, seal, fish, tropical fish, blowfish, shark, octopus, jellyfish, crab, lobster, shrimp, squid, snail,
    butterfly, bug, ant, honeybee, beetle, lady beetle, cricket, cockroach, spider, scorpion, mosquito, fly, worm`,
  food: `grapes, melon, watermelon, tangerine, lemon, lime, banana, pineapple, mango, red apple, green apple, pear, peach,
    cherries, strawberry, blueberries, kiwi fruit, tomato, olive, coconut, avocado, eggplant, potato, carrot, hot pepper,
    bell pepper, cucumber, leafy green, broccoli, garlic, onion, peanuts, beans, chestnut, ginger root, pea pod,
    brown mushroom, root vegetable, bread, croissant, baguette bread, flatbread, pretzel, bagel, pancakes, waffle,
    cheese wedge, poultry leg, bacon, hamburger, french fries, pizza, hot dog, sandwich, taco, burrito, tamale,
    stuffed flatbread, falafel, egg, fondue, green salad, popcorn, butter, salt, canned food, bento box, rice cracker,
    rice ball, cooked rice, curry rice, spaghetti, oden, sushi, fried shrimp, moon cake, dango, dumpling, fortune cookie,
    shaved ice, ice cream, doughnut, cookie, birthday cake, shortcake, cupcake, pie, chocolate bar, candy, lollipop,
    custard, honey pot`,
  drink: `hot beverage, sake, wine glass, cocktail glass, tropical drink, beer mug, tumbler glass,
    bubble tea, beverage box`,
  vehicle: `locomotive, railway car, high-speed train, bullet train, train, metro, tram, monorail, tram car, bus,
    oncoming bus, trolleybus, minibus, ambulance, fire engine, police car, taxi, oncoming taxi, automobile,
    oncoming automobile, pickup truck, delivery truck, articulated lorry, tractor, racing car, motorcycle, motor scooter,
    auto rickshaw, bicycle, kick scooter, sailboat, canoe, speedboat, passenger ship, ferry, motor boat, ship, airplane,
    small airplane, helicopter, suspension railway, mountain cableway, aerial tramway, rocket, flying saucer`,
  clothing: `glasses, sunglasses, goggles, lab coat, safety vest, necktie, t-shirt, jeans, scarf, gloves, coat, socks,
    dress, kimono, sari, one-piece swimsuit, briefs, shorts, bikini, woman's clothes, thong sandal, man's shoe,
    running shoe, hiking boot, flat shoe, high-heeled shoe, woman's sandal, ballet shoes, woman's boot, woman's hat,
    top hat, graduation cap, billed cap, military helmet`,
  building: `stadium, classical building, hut, derelict house, house, office building, post office, hospital,
    bank, hotel, love hotel, convenience store, school, department store, factory, japanese castle, castle, church,
    mosque, hindu temple, synagogue, shinto shrine`,
  plant: `bouquet, cherry blossom, lotus, rose, wilted flower, hibiscus, sunflower, blossom, tulip, hyacinth, seedling,
    potted plant, evergreen tree, deciduous tree, palm tree, cactus, herb, shamrock, maple leaf, fallen leaf,
    leafless tree, christmas tree`,
  tool: `hammer, axe, pick, carpentry saw, wrench, screwdriver, clamp, toolbox, ladder, shovel, scissors, sewing needle,
    kitchen knife, paintbrush, straight ruler, triangular ruler, plunger, broom, razor, magnet`,
  'sport item': `soccer ball, baseball, softball, basketball, volleyball, american football, rugby football, flying disc,
    boxing glove, goal net, ice skate, roller skate, skateboard, fishing pole, diving mask, running shirt, skis, sled,
    curling stone`,
  'musical instrument': `saxophone, trumpet, trombone, accordion, guitar, musical keyboard, violin, banjo, drum,
    long drum, maracas, flute, harp`,
}

const CATEGORY_OF: ReadonlyMap<string, Category> = new Map(
  CATEGORIES.flatMap((category) => LABELS[category].split(/,\s+/).map((label) => [label, category] as const)),
)
