import { expect, it } from 'vitest'
import { expandBraces, listShards } from '../../../src/data/webdataset/shardList.js'
import { ConfigError, DataError } from '../../../src/errors.js'
import { fixture } from '../fixture.js'

it.each<[string, string[]]>([
  ['plain.tar', ['plain.tar']],
  ['a/{000..002}.tar', ['a/000.tar', 'a/001.tar', 'a/002.tar']],
  ['{8..11}.tar', ['8.tar', '9.tar', '10.tar', '11.tar']],
  ['{08..10}', ['08', '09', '10']],
  ['{2..0}', ['2', '1', '0']],
  ['{train,extra/b}/{0..1}.tar', ['train/0.tar', 'train/1.tar', 'extra/b/0.tar', 'extra/b/1.tar']],
  ['{a,b{1..2}}', ['a', 'b1', 'b2']],
  ['{a,}x', ['ax', 'x']],
  ['http://h/{x}.tar', ['http://h/{x}.tar']],
])('expands %s', (spec, expected) => {
  expect(expandBraces(spec)).toEqual(expected)
})

it.each(['{0..1', '0..1}', '{{a}', '{0..99999999}', '{0..9999}{0..9999}'])('refuses %s', (spec) => {
  expect(() => expandBraces(spec)).toThrow(ConfigError)
})

it('lists the shards of a folder by name', async () => {
  expect(await listShards(fixture('img2dataset'))).toEqual([fixture('img2dataset/00000.tar')])
  await expect(listShards(fixture('sbu'))).rejects.toThrow(/holds no \.tar/)
  await expect(listShards(fixture('none'))).rejects.toThrow(DataError)
})
