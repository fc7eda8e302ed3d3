package bank

// Parts is how many parts a bank of so many images and views can be filled in.
func Parts(images, views, shardRows int) int {
	if shardRows == 0 {
		shardRows = DefaultShardRows
	}
	return max(views, 1) * ((images + shardRows - 1) / shardRows)
}

// ImagesOf lists the images that are encoded for one part of parts, in order.
func ImagesOf(part, parts, images, views, shardRows int) (list []int) {
	if shardRows == 0 {
		shardRows = DefaultShardRows
	}
	shards := (images + shardRows - 1) / shardRows
	wanted := make([]bool, shards)
	for i := part; i < max(views, 1)*shards; i += parts {
		wanted[i%shards] = true
	}
	for s, w := range wanted {
		for i := s * shardRows; w && i < min((s+1)*shardRows, images); i++ {
			list = append(list, i)
		}
	}
	return list
}
